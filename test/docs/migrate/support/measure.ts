import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { request as httpRequest } from 'node:http';
import type { WebhookEvent } from '@countersign/core';
import { vi } from 'vitest';
import { type RunningReceiver, runPageCode, type Save } from './run-page-code.ts';
import type { Sender, Sent } from './senders.ts';

/** Runs one file of a page, sends it every request that its table names, and returns what each got. */
export async function measure(
  code: string,
  sender: Sender,
  requests: readonly string[],
  modules: Readonly<Record<string, object>> = {},
): Promise<string[]> {
  Object.assign(process.env, sender.env);
  const handler = new WatchedHandler();
  const settled = watchClaims();
  const receiver = await runPageCode(code, handler.save, modules);
  try {
    const cells: string[] = [];
    for (const name of requests) {
      const prepare = REQUESTS[name] ?? sender.further?.[name];
      if (prepare === undefined) throw new Error(`No request is called "${name}".`);
      const handledBefore = handler.handled;
      handler.fails = name === FAILING;
      const number = requests.indexOf(REPEATS[name] ?? name);
      const status = await post(receiver, sender.path, prepare(sender, number));
      await settled.wait();
      cells.push(`${status}${', handled'.repeat(handler.handled - handledBefore)}`);
    }
    return cells;
  } finally {
    settled.stop();
    await receiver.close();
    for (const name of Object.keys(sender.env)) delete process.env[name];
  }
}

const FAILING = 'your handler throws';

/** Which delivery a request repeats. Any other request is a delivery of its own. */
const REPEATS: Readonly<Record<string, string>> = {
  'the same delivery again': 'genuine',
  'the same body as another topic': 'genuine',
  'the retry after that': FAILING,
};

/** The requests that a table can name. */
const REQUESTS: Readonly<Record<string, (sender: Sender, number: number) => Sent>> = {
  genuine: (sender, number) => sender.sign(number),
  'the same delivery again': (sender, number) => sender.sign(number),
  forged: (sender, number) => ({ ...sender.sign(number), body: sender.sign(number + 1000).body }),
  'no signature': (sender, number) => withoutSignature(sender, number),
  'an hour old': (sender, number) => sender.sign(number, { timestamp: Date.now() / 1000 - 3600 }),
  'signed with the previous secret': (sender, number) => sender.sign(number, { secret: sender.previous }),
  [FAILING]: (sender, number) => sender.sign(number),
  'the retry after that': (sender, number) => sender.sign(number),
  'an empty body, signed': (sender, number) => sender.sign(number, { body: '' }),
  'a signature of another length': (sender, number) => withShortSignature(sender, number),
  'JSON with escapes': (sender, number) =>
    sender.sign(number, { body: `{"id":"${number}","object":"page","name":"caf\\u00e9"}` }),
};

/** A delivery without the headers that carry the signature and what is signed beside the body. */
function withoutSignature(sender: Sender, number: number): Sent {
  const { headers, body } = sender.sign(number);
  const kept = Object.entries(headers).filter(
    ([name]) => !/signature|hmac|timestamp|-id$|^authorization$/.test(name),
  );
  return { headers: Object.fromEntries(kept), body };
}

function withShortSignature(sender: Sender, number: number): Sent {
  const { headers, body } = sender.sign(number);
  const shortened = Object.entries(headers).map(([name, value]) => [
    name,
    name.includes('signature') ? value.slice(0, -2) : value,
  ]);
  return { headers: Object.fromEntries(shortened), body };
}

/** The reader's own code behind the receiver. */
class WatchedHandler {
  handled = 0;
  fails = false;
  readonly save: Save = async () => {
    if (this.fails) throw new Error('failed on purpose');
    this.handled += 1;
  };
}

/** Waits until no delivery is claimed: a retry that comes before that would get 503. */
function watchClaims() {
  let open = 0;
  const listener = (message: unknown) => {
    const { type } = message as WebhookEvent;
    if (type === 'claimed') open += 1;
    if (type === 'committed' || type === 'released') open -= 1;
  };
  subscribe('countersign:webhook', listener);
  return {
    wait: () => vi.waitFor(() => expectNone(open), { interval: 1 }),
    stop: () => unsubscribe('countersign:webhook', listener),
  };
}

function expectNone(open: number): void {
  if (open !== 0) throw new Error(`${open} claims are held.`);
}

function post({ port }: RunningReceiver, path: string, { headers, body }: Sent): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = { ...headers, 'content-length': body.byteLength, connection: 'close' };
    const request = httpRequest(
      { host: '127.0.0.1', port, path, method: 'POST', headers: sent },
      (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    request.setTimeout(30_000, () => request.destroy(new Error(`No response within 30 s to ${path}.`)));
    request.once('error', reject).end(body);
  });
}
