import { createVerifier, logWebhooks } from '@countersign/core';
import { webhookHandler } from '@countersign/lambda';
import { stripe } from '@countersign/schemes';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  const verifier = createVerifier({
    scheme: stripe(),
    secrets: async () => app.loadSecrets(),
    replay: app.sharedStore,
    observe: logWebhooks(console),
  });
  await verifier.ready();
  app.onSecretsChanged(() => void verifier.reload());

  const handler = webhookHandler(verifier, async (webhook) => {
    await app.work(webhook.json());
  });
  return { lambda: handler, close: () => verifier.close() };
}
