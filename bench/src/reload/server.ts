// A receiver whose provider behaves as the benchmark asks.
import { createVerifier, type SecretSetInput } from '@countersign/core';
import { readBody } from '@countersign/core/node';
import { stripe } from '@countersign/schemes';
import { SECRET } from '../flood/requests.ts';
import { host } from '../servers/host.ts';

const LIMIT = 2 * 1024 * 1024;
/** Often enough that every state meets several loads in the second that it lasts. */
const RELOAD = { intervalSeconds: 0.2, timeoutSeconds: 0.1, mismatchCooldownSeconds: 0.1 };

let state = 'responds';
let loads = 0;

const load = async (): Promise<SecretSetInput> => {
  loads++;
  if (state === 'fails') throw new Error('The provider of the benchmark fails on purpose.');
  if (state === 'hangs') await new Promise(() => undefined);
  return { current: SECRET };
};
const verifier = createVerifier({
  scheme: stripe(),
  secrets: load,
  reload: RELOAD,
  observe: () => undefined,
});
await verifier.ready();

host(
  (request, response) => {
    const { method, url, rawHeaders: headers } = request;
    const body = () => readBody(request, { maxBodyBytes: LIMIT });
    void verifier
      .handle({ method, url, headers, body }, () => undefined)
      .then((answer) => {
        response.writeHead(answer.status, answer.headers).end(answer.body);
      });
  },
  async (word) => {
    const before = loads;
    // After failures the next load is put off by up to a minute: a load that succeeds brings the schedule back, so that the state
    // which follows meets loads from its first fraction of a second on.
    state = 'responds';
    await verifier.reload();
    state = word;
    loads = 0;
    return String(before);
  },
);
