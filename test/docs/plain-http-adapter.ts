import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReceivedWebhook } from '@countersign/core';
import {
  type AdapterOptions,
  createNodeReceiver,
  settleAbandonedResponse,
  type VerifierSource,
} from '@countersign/core/extend';

export function webhookListener(
  verifier: VerifierSource<IncomingMessage>,
  handler: (webhook: ReceivedWebhook, response: ServerResponse) => unknown,
  options?: AdapterOptions<IncomingMessage>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const receive = createNodeReceiver('webhookListener()', verifier, options);
  return async (request, response) => {
    try {
      const webhook = await receive(request, request, response);
      if (webhook !== undefined) await handler(webhook, response);
    } catch (error) {
      settleAbandonedResponse(response, 500);
      if (response.headersSent) response.destroy(error as Error);
      else response.writeHead(500).end();
    }
  };
}
