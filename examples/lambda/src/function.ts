// What you deploy. Bundle this file (it needs nothing but its imports), and name its export "handler" as the function's handler.
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { createVerifier, logWebhooks, memoryReplayStore } from '@countersign/core';
import { envSecrets } from '@countersign/core/node';
import { dynamodbReplayStore } from '@countersign/dynamodb';
import { webhookHandler } from '@countersign/lambda';
import { anchorBrowser } from '@countersign/schemes';

const table = process.env.WEBHOOKS_TABLE;

const verifier = createVerifier({
  scheme: anchorBrowser(),
  // ANCHOR_SECRET_PREVIOUS and ANCHOR_SECRET_NEXT are read, too. To rotate, deploy the function with new variables.
  secrets: envSecrets('ANCHOR_SECRET'),
  // Instances of a function share no memory: without a table, each one recognizes only the duplicates that it gets itself.
  replay: table === undefined ? memoryReplayStore() : dynamodbReplayStore({ client: new DynamoDB(), table }),
  // A little less than the function's timeout: then `webhook.signal` aborts before Lambda stops the process.
  handlerTimeoutSeconds: 9,
  // The sender never learns why it was refused: your log says it.
  observe: logWebhooks(console),
});
// Part of the cold start. If a secret is missing, the deployment fails its first request with the reason in the log.
await verifier.ready();

export const handler = webhookHandler(verifier, (webhook) => handle(webhook.id, webhook.json()));

/** Runs once per delivery. If it throws, the sender gets 500, and its retry runs this again. */
async function handle(id: string, event: unknown): Promise<void> {
  console.log(`handled ${id}: ${JSON.stringify(event)}`);
}
