import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createVerifier, type DefinedScheme, functionSecrets, type VerifierHealth } from '@countersign/core';
import { fileSecrets, readBody } from '@countersign/core/node';
import { sequenceOf } from '@countersign-internal/simulator';

/** How instances learn about a new set. */
export type Source = 'watched' | 'pulled';

/** Instances behind one address, each with its own copy of the secrets. */
export interface Receivers {
  readonly url: string;
  load(scheme: DefinedScheme, path: string, source: Source): Promise<void>;
  health(): Promise<VerifierHealth[]>;
  /** How often the handler ran, by the number in the delivery. */
  readonly runs: ReadonlyMap<number, number>;
  close(): Promise<void>;
}

/** How often a source without notifications is polled. */
export const PULL_SECONDS = 5;
const INSTANCES = 2;

export async function startReceivers(): Promise<Receivers> {
  const runs = new Map<number, number>();
  let verifiers: ReturnType<typeof createVerifier>[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await readBody(request, { maxBodyBytes: 1024 * 1024 });
      // A delivery and its retries go to one instance: they share no replay store.
      const instance = createHash('sha256').update(body).digest().readUInt32BE(0) % INSTANCES;
      const { method, url, rawHeaders: headers } = request;
      const answer = await verifiers[instance]?.handle({ method, url, headers, body }, (webhook) => {
        const sequence = sequenceOf(webhook.body);
        if (sequence !== undefined) runs.set(sequence, (runs.get(sequence) ?? 0) + 1);
      });
      response.writeHead(answer?.status ?? 503, answer?.headers).end(answer?.body);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The receivers have no port.');
  return {
    url: `http://127.0.0.1:${address.port}/hooks`,
    runs,
    async load(scheme, path, source) {
      verifiers = Array.from({ length: INSTANCES }, () =>
        createVerifier({
          scheme,
          secrets:
            source === 'watched'
              ? fileSecrets(path)
              : functionSecrets(async () => JSON.parse(await readFile(path, 'utf8'))),
          reload: source === 'watched' ? {} : { intervalSeconds: PULL_SECONDS },
        }),
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
