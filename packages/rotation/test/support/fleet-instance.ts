import { createServer } from 'node:http';
import { createVerifier, type SecretSetInput, type Verifier, type VerifierHealth } from '@countersign/core';
import { polyai } from '@countersign/schemes';
import { type ManualClock, manualClock, sign } from '@countersign/testing';
import { portOf } from '../../../../test/support/listen.ts';

/** A receiver on loopback with an endpoint for its health, and a clock of its own. */
export interface FleetReceiver {
  readonly name: string;
  readonly healthUrl: string;
  readonly clock: ManualClock;
  /** What its health handler was sent. */
  readonly asked: { readonly authorization: string | undefined }[];
  health(): VerifierHealth;
  /** Loads this set, as a reload does. */
  load(set: SecretSetInput): Promise<void>;
  /** Delivers over HTTP, signed with this secret; returns the status. */
  deliver(secret: string, body: string): Promise<number>;
  /** A new process with the same name: its counts begin again. */
  restart(): Promise<void>;
  /** Stops listening. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

const scheme = polyai();

export async function startFleetReceiver(
  name: string,
  first: SecretSetInput,
  startAt: number,
): Promise<FleetReceiver> {
  const clock = manualClock(startAt);
  let set = first;
  const start = async (): Promise<Verifier> => {
    const started = createVerifier({ scheme, secrets: () => set, clock, observe: () => undefined });
    await started.ready();
    return started;
  };
  let verifier = await start();
  const asked: { authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      if (request.url === '/health') {
        asked.push({ authorization: request.headers.authorization });
        const verifiers = { hooks: verifier.health() };
        const report = { state: 'ready', instance: name, time: new Date(clock.now()), verifiers };
        // A server stamps its responses with the clock of its machine.
        response.setHeader('date', new Date(clock.now()).toUTCString());
        response.setHeader('content-type', 'application/json').end(JSON.stringify(report));
        return;
      }
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { status } = await verifier.handle(
        { headers: request.rawHeaders, body: Buffer.concat(chunks) },
        () => undefined,
      );
      response.writeHead(status).end();
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${portOf(server)}`;
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    name,
    healthUrl: `${origin}/health`,
    clock,
    asked,
    health: () => verifier.health(),
    async load(next) {
      set = next;
      await verifier.reload();
    },
    async deliver(secret, body) {
      const { headers } = sign(scheme, { secret, body, timestamp: Math.floor(clock.now() / 1000) });
      const { status } = await fetch(`${origin}/hooks`, { method: 'POST', headers, body });
      return status;
    },
    async restart() {
      await verifier.close();
      verifier = await start();
    },
    stop,
    async close() {
      await stop();
      await verifier.close();
    },
  };
}
