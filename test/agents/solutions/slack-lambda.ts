import { createVerifier, logWebhooks } from '@countersign/core';
import { envSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/lambda';
import { slack } from '@countersign/schemes';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: slack(),
    secrets: envSecrets(app.secretVariable),
    replay: app.sharedStore,
    observe: logWebhooks(console),
  });
  await verifier.ready();

  const handler = webhookHandler(verifier, async (webhook) => {
    await app.work(webhook.json());
  });
  return { lambda: handler, close: () => verifier.close() };
}
