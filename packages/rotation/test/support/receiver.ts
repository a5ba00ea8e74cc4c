import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createVerifier, type DefinedScheme, type Verifier, type VerifierHealth } from '@countersign/core';
import { fileSecrets, readBody } from '@countersign/core/node';
import { sequenceOf } from '@countersign-internal/simulator';
import { portOf } from '../../../../test/support/listen.ts';

/** Receivers that load their secrets from one file, each for itself. */
export interface Receiver {
  readonly url: string;
  /** Loads the secrets; until then, deliveries get 503. */
  load(scheme: DefinedScheme, path: string): Promise<void>;
  health(): Promise<VerifierHealth[]>;
  /** How often the handler ran, by the number in the delivery. */
  readonly runs: ReadonlyMap<number, number>;
  /** Returns the health of all instances as JSON. */
  readonly healthUrl: string;
  close(): Promise<void>;
}

const INSTANCES = 2;

/** A delivery, its retries and its replays go to one instance: they share no replay store here. */
function instanceOf(body: Uint8Array): number {
  const sequence = sequenceOf(body);
  if (sequence !== undefined) return Math.abs(sequence) % INSTANCES;
  return createHash('sha256').update(body).digest().readUInt32BE(0) % INSTANCES;
}

export async function startReceiver(): Promise<Receiver> {
  const runs = new Map<number, number>();
  let verifiers: Verifier[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      if (request.url === '/health') {
        response.end(JSON.stringify(verifiers.map((verifier) => verifier.health())));
        return;
      }
      const body = await readBody(request, { maxBodyBytes: 1024 * 1024 });
      const verifier = verifiers[instanceOf(body)];
      const answer = await verifier?.handle(
        { method: request.method, url: request.url, headers: request.rawHeaders, body },
        ({ body: bytes }) => {
          const sequence = sequenceOf(bytes);
          if (sequence !== undefined) runs.set(sequence, (runs.get(sequence) ?? 0) + 1);
        },
      );
      response.writeHead(answer?.status ?? 503, answer?.headers).end(answer?.body);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${portOf(server)}/hooks`,
    runs,
    healthUrl: `http://127.0.0.1:${portOf(server)}/health`,
    async load(scheme, path) {
      verifiers = Array.from({ length: INSTANCES }, () =>
        // A machine that does much else may take longer than the usual 3 seconds.
        createVerifier({ scheme, secrets: fileSecrets(path), reload: { timeoutSeconds: 30 } }),
      );
      await Promise.all(verifiers.map((verifier) => verifier.ready()));
    },
    health: async () => verifiers.map((verifier) => verifier.health()),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all(verifiers.map((verifier) => verifier.close()));
    },
  };
}
