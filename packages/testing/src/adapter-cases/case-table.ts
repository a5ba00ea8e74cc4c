import assert from 'node:assert/strict';
import type { WireAnswer } from './answer-parser.ts';
import type { AdapterLimit } from './mount.ts';
import { type CaseContext, Receiver, type ReceiverSetup } from './receiver.ts';

/** Sets up the receivers of one case; they are taken down when it ends. */
export type Start = (setup?: ReceiverSetup) => Promise<Receiver>;
export type Check = (start: Start) => Promise<void>;

/** A case: its name is a sentence. */
export interface AdapterCase {
  readonly name: string;
  readonly check: Check;
  /** What to do on a host that can't do it. The check is left out where nothing can be asserted. */
  readonly limited?: { readonly by: AdapterLimit; readonly name: string; readonly check?: Check }[];
}

export async function runCase(context: CaseContext, check: Check): Promise<void> {
  const receivers: Receiver[] = [];
  try {
    await check(async (setup) => {
      const receiver = await Receiver.start(context, setup);
      receivers.push(receiver);
      return receiver;
    });
    for (const receiver of receivers) receiver.assertGuarded();
  } finally {
    for (const receiver of receivers) await receiver.close();
  }
}

const REFUSAL_BODY = '{"error":"webhook refused"}';

/** Sees that an answer is a refusal, and says no more than that. */
export function assertRefused(answer: WireAnswer, ...statuses: readonly number[]): void {
  assert.ok(statuses.includes(answer.status), `answered ${answer.status}, not ${statuses.join(' or ')}`);
  assert.equal(answer.body, REFUSAL_BODY);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json\b/);
  const retryAfter = answer.headers.get('retry-after');
  if (answer.status === 429 || answer.status === 503) {
    assert.match(retryAfter ?? '', /^[0-9]+$/, `${answer.status} says when to come back`);
    assert.ok(Number(retryAfter) >= 1 && Number(retryAfter) <= 30, `Retry-After is ${retryAfter}`);
  } else {
    assert.equal(retryAfter, undefined, `${answer.status} has no Retry-After`);
  }
}
