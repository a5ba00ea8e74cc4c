import { createVerifier, logWebhooks } from '@countersign/core';
import { envSecrets } from '@countersign/core/node';
import { webhookHandler } from '@countersign/fetch';
import { stripe } from '@countersign/schemes';
import type { App, Receiver } from '../contract.ts';

/** Makes what app/hooks/route.ts exports. */
function route(app: App) {
  const verifier = createVerifier({
    scheme: stripe(),
    secrets: envSecrets(app.secretVariable),
    observe: logWebhooks(console),
  });
  const POST = webhookHandler(verifier, async (webhook) => {
    await app.work(webhook.json());
  });
  return { POST, verifier };
}

export async function start(app: App): Promise<Receiver> {
  const { POST, verifier } = route(app);
  return { fetch: (request) => POST(request), close: () => verifier.close() };
}
