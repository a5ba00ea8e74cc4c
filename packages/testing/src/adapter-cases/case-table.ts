import assert from 'node:assert/strict';
import type { AdapterLimit } from './mount.ts';
import { type CaseContext, Receiver, type ReceiverSetup } from './receiver.ts';
import type { WireResponse } from './response-parser.ts';

/** Sets up the receivers of one case. They are closed when it ends. */
export type Start = (setup?: ReceiverSetup) => Promise<Receiver>;
export type Check = (start: Start) => Promise<void>;

/** A case: its name is a sentence. */
export interface AdapterCase {
  readonly name: string;
  readonly check: Check;
  /** The check on a host that can't do it. Absent if nothing can be asserted. */
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

/** Asserts that a response is a refusal, and that it says no more than that. */
export function assertRefused(response: WireResponse, ...statuses: readonly number[]): void {
  assert.ok(
    statuses.includes(response.status),
    `the status is ${response.status}, not ${statuses.join(' or ')}`,
  );
  assert.equal(response.body, REFUSAL_BODY);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/);
  const retryAfter = response.headers.get('retry-after');
  if (response.status === 429 || response.status === 503) {
    assert.match(retryAfter ?? '', /^[0-9]+$/, `${response.status} has Retry-After`);
    assert.ok(Number(retryAfter) >= 1 && Number(retryAfter) <= 30, `Retry-After is ${retryAfter}`);
  } else {
    assert.equal(retryAfter, undefined, `${response.status} has no Retry-After`);
  }
}
