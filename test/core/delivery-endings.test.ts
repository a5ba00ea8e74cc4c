import { createVerifier, memoryReplayStore, type WebhookEvent } from '@countersign/core';
import { standardWebhooks } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const scheme = standardWebhooks();
let sequence = 0;

function verifierWith(observe: (event: WebhookEvent) => unknown, more = {}) {
  const verifier = createVerifier({ scheme, secrets: secret, observe, ...more });
  onTestFinished(() => verifier.close());
  return verifier;
}

describe('events', () => {
  it.each([undefined, false] as const)('say how each delivery ended, with replay: %s', async (replay) => {
    const events: WebhookEvent[] = [];
    const clock = manualClock();
    const verifier = verifierWith((event) => events.push(event), {
      clock,
      ...(replay === undefined ? {} : { replay }),
    });
    const at = (status: number, ms: number) =>
      verifier.handle(
        sign(scheme, {
          secret,
          id: `msg_${++sequence}`,
          body: '{}',
          timestamp: new Date(clock.now()),
        }),
        async () => {
          await clock.advance(ms);
          return status;
        },
      );
    await at(202, 40);
    await at(409, 50);
    const key = { id: verifier.health().secrets.keys[0]?.id, role: 'current' };
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: 'released' }));
    expect(events.filter(({ type }) => type !== 'secrets-loaded')).toMatchObject([
      { type: 'verified', key },
      { type: 'claimed', key, id: `msg_${sequence - 1}` },
      { type: 'committed', key, status: 202, handlerDurationMs: 40, durationMs: 40 },
      { type: 'verified', key },
      { type: 'claimed', key, id: `msg_${sequence}` },
      { type: 'released', key, status: 409, handlerDurationMs: 50, durationMs: 50 },
    ]);
  });

  it('tell how long the handler took from how long the store took', async () => {
    const events: WebhookEvent[] = [];
    const clock = manualClock();
    const memory = memoryReplayStore({ clock });
    const slow = {
      ...memory,
      claim: memory.claim.bind(memory),
      renew: memory.renew.bind(memory),
      release: memory.release.bind(memory),
      forget: memory.forget.bind(memory),
      async commit(...args: Parameters<typeof memory.commit>) {
        await clock.advance(300);
        return memory.commit(...args);
      },
    };
    const verifier = verifierWith((event) => events.push(event), { clock, replay: slow });
    const request = sign(scheme, {
      ...{ secret, id: `msg_${++sequence}`, body: '{}' },
      timestamp: new Date(clock.now()),
    });
    await verifier.handle(request, () => clock.advance(20));
    await vi.waitFor(() =>
      expect(events.at(-1)).toMatchObject({ type: 'committed', handlerDurationMs: 20, durationMs: 320 }),
    );
  });
});
