import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createVerifier,
  type DefinedScheme,
  type ReceivedWebhook,
  type VerifierOptions,
} from '@countersign/core';
import { webhook } from '@countersign/express';
import express from 'express';

/** A receiver as people build it: Express, and a verifier. */
export interface Receiver {
  readonly url: string;
  /** What the handler got. */
  readonly handled: readonly ReceivedWebhook[];
  close(): Promise<void>;
}

/** Starts a receiver on a free port of the loopback address. */
export async function startReceiver(
  scheme: DefinedScheme,
  secrets: VerifierOptions['secrets'],
  options: { publicUrl?: string; status?: number } = {},
): Promise<Receiver> {
  const { publicUrl, status = 204 } = options;
  const verifier = createVerifier({
    ...{ scheme, secrets, observe: () => undefined },
    ...(publicUrl === undefined ? {} : { publicUrl }),
  });
  const handled: ReceivedWebhook[] = [];
  const app = express();
  app.post('/hooks', webhook(verifier), (request, response) => {
    handled.push(request.webhook);
    response.sendStatus(status);
  });
  const { url, close } = await serve(app);
  return {
    url: `${url}/hooks`,
    handled,
    async close() {
      await close();
      await verifier.close();
    },
  };
}

/** Serves on a free port of the loopback address. */
export async function serve(
  listener: Parameters<typeof createServer>[1] & object,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
