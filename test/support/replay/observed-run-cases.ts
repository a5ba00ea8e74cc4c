import assert from 'node:assert/strict';
import {
  createVerifier,
  type ReplayStore,
  replayRecord,
  type VerifiedWebhook,
  type WebhookEvent,
} from '@countersign/core';
import type { LeasedRunResult } from '@countersign/core/extend';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';

/** The transactional mode of a store, as all of these tests call it: the handler writes nothing. */
type Run<Result> = (webhook: VerifiedWebhook, handler: () => Result) => Promise<LeasedRunResult<Result>>;

/** A store for one suite. */
export interface RunTarget {
  readonly store: Pick<ReplayStore, 'claim'>;
  run: Run<string>;
  /** The same on a database that lacks the table of the store. */
  runWithoutTable: Run<string>;
}

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const scheme = standardWebhooks();
let sequence = 0;

/** One verifier, its events, and one delivery after the other. */
class Receiver {
  readonly events: WebhookEvent[] = [];
  readonly verifier = createVerifier({
    ...{ scheme, secrets: SECRET, replay: false, endpoint: 'orders' },
    observe: (event) => this.events.push(event),
  });

  request() {
    const id = `msg_${process.pid}_${Date.now()}_${++sequence}`;
    return { ...sign(scheme, { secret: SECRET, id, body: '{}' }), requestId: `request of ${id}` };
  }

  /** What happened since the last call, apart from the verification. */
  take(): WebhookEvent[] {
    return this.events.splice(0).filter(({ type }) => type !== 'verified' && type !== 'secrets-loaded');
  }

  typesOf(): string[] {
    return this.take().map(({ type }) => type);
  }
}

/** What the observers of a verifier learn of a store's `run()`, as cases for a test runner. */
export function observedRunCases(target: () => RunTarget): { name: string; run(): Promise<void> }[] {
  return Object.entries(CASES).map(([name, check]) => ({
    name,
    async run() {
      const receiver = new Receiver();
      try {
        await check(target(), receiver);
      } finally {
        await receiver.verifier.close();
      }
    },
  }));
}

const CASES: Record<string, (target: RunTarget, receiver: Receiver) => Promise<void>> = {
  'a handled delivery is claimed and committed, with its id, key, request and durations': async (
    { run },
    receiver,
  ) => {
    const request = receiver.request();
    const webhook = await receiver.verifier.verify(request);
    assert.deepEqual(await run(webhook, () => 'sold'), { state: 'done', result: 'sold' });
    const events = receiver.take() as Record<string, unknown>[];
    assert.deepEqual(
      events.map(({ type }) => type),
      ['claimed', 'committed'],
    );
    for (const event of events) {
      assert.equal(event.endpoint, 'orders');
      assert.equal(event.scheme, scheme.name);
      assert.equal(event.id, webhook.id);
      assert.deepEqual(event.key, webhook.key);
      assert.equal(event.request, request.requestId);
    }
    const { durationMs, handlerDurationMs } = events[1] as { durationMs: number; handlerDurationMs: number };
    assert.ok(
      handlerDurationMs >= 0 && durationMs >= handlerDurationMs,
      `${handlerDurationMs}, ${durationMs}`,
    );
  },

  'a duplicate is reported, and claims nothing': async ({ run }, receiver) => {
    const webhook = await receiver.verifier.verify(receiver.request());
    await run(webhook, () => 'sold');
    receiver.take();
    assert.deepEqual(await run(webhook, () => 'sold twice'), { state: 'duplicate' });
    assert.deepEqual(receiver.typesOf(), ['duplicate']);
  },

  'a handler that throws: what it threw, then the release; the retry runs': async ({ run }, receiver) => {
    const webhook = await receiver.verifier.verify(receiver.request());
    const error = new Error('out of stock');
    const failing = run(webhook, () => {
      throw error;
    });
    await assert.rejects(failing, error);
    const events = receiver.take();
    assert.deepEqual(
      events.map(({ type }) => type),
      ['claimed', 'handler-failed', 'released'],
    );
    assert.equal((events[1] as { error?: unknown }).error, error);
    await run(webhook, () => 'sold');
    assert.deepEqual(receiver.typesOf(), ['claimed', 'committed']);
  },

  'a delivery that another run holds is refused': async ({ run, store }, receiver) => {
    const webhook = await receiver.verifier.verify(receiver.request());
    const held = { leaseMs: 600_000, fenceTtlMs: 600_000 };
    assert.equal((await store.claim(replayRecord(webhook).key, held)).state, 'claimed');
    await assert.rejects(
      run(webhook, () => 'sold'),
      { code: 'ERR_WEBHOOK_IN_PROGRESS' },
    );
    const [refused, ...others] = receiver.take() as Record<string, unknown>[];
    assert.deepEqual(others, []);
    assert.equal(refused?.type, 'refused');
    assert.equal(refused.code, 'ERR_WEBHOOK_IN_PROGRESS');
    assert.equal(refused.status, 503);
    assert.equal(refused.id, webhook.id);
    assert.deepEqual(refused.key, webhook.key);
    assert.equal(typeof refused.durationMs, 'number');
  },

  'a store that fails: its failure, and the refusal': async ({ runWithoutTable }, receiver) => {
    const webhook = await receiver.verifier.verify(receiver.request());
    await assert.rejects(
      runWithoutTable(webhook, () => 'sold'),
      { code: 'ERR_WEBHOOK_STORE_UNAVAILABLE' },
    );
    const events = receiver.take() as Record<string, unknown>[];
    assert.deepEqual(
      events.map(({ type, operation, code }) => [type, operation ?? code]),
      [
        ['store-failed', 'claim'],
        ['refused', 'ERR_WEBHOOK_STORE_UNAVAILABLE'],
      ],
    );
  },

  "behind claim: 'manual', each outcome is reported once": async ({ run }, receiver) => {
    const request = receiver.request();
    const receive = (handler: () => string) =>
      receiver.verifier.handle(request, (webhook) => run(webhook, handler).then(() => undefined), {
        claim: 'manual',
        settle: 'before-response',
      });
    const failed = await receive(() => {
      throw new Error('out of stock');
    });
    assert.equal(failed.status, 500);
    assert.deepEqual(receiver.typesOf(), ['claimed', 'handler-failed', 'released']);
    assert.equal((await receive(() => 'sold')).status, 204);
    assert.deepEqual(receiver.typesOf(), ['claimed', 'committed']);
    assert.equal((await receive(() => 'sold twice')).status, 204);
    assert.deepEqual(receiver.typesOf(), ['duplicate']);
  },

  "behind claim: 'manual', what fails after the run is reported too": async ({ run }, receiver) => {
    const response = await receiver.verifier.handle(
      receiver.request(),
      async (webhook) => {
        await run(webhook, () => 'sold');
        throw new Error('the mail server is down');
      },
      { claim: 'manual', settle: 'before-response' },
    );
    assert.equal(response.status, 500);
    assert.deepEqual(receiver.typesOf(), ['claimed', 'committed', 'handler-failed']);
  },
};
