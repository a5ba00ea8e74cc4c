import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { A, B, type FaultFixture, FORGED, startFaultFixture } from '../../support/keyring/fixture.ts';

const SECOND = 1000;
const COOLDOWN_SECONDS = 5;

let fixture: FaultFixture;

beforeEach(async () => {
  fixture = await startFaultFixture({ intervalSeconds: 100_000, mismatchCooldownSeconds: COOLDOWN_SECONDS });
});

afterEach(() => fixture.close());

describe('a flood of forged requests', () => {
  /** Floods for this time; returns the number of calls that the source got, and the outcomes of the forged requests. */
  async function flood(
    seconds: number,
    each: () => Promise<void> | void,
  ): Promise<{ calls: number; answers: Set<string> }> {
    const { service, clock, deliver } = fixture;
    const before = service.calls.length;
    const answers = new Set<string>();
    const forged: Promise<unknown>[] = [];
    for (let ms = 0; ms < seconds * SECOND; ms += 100) {
      for (let count = 0; count < 20; count++)
        forged.push(deliver(FORGED).then((answer) => answers.add(answer)));
      await turn();
      // The clock is stopped meanwhile: a genuine request that waited for a load would wait for ever.
      expect(await deliver(A)).toBe('current');
      await each();
      await clock.advance(100);
    }
    await each();
    let areAllAnswered = false;
    const all = Promise.all(forged).then(() => {
      areAllAnswered = true;
    });
    // A load that hangs ends by the clock alone.
    while (!areAllAnswered) {
      await clock.advance(SECOND);
      await turn();
    }
    await all;
    return { calls: service.calls.length - before, answers };
  }

  it('causes at most 3 + elapsed / cooldown fetches, and none waits that is signed with a known key', async () => {
    const { service, clock } = fixture;
    await clock.advance(10 * SECOND);
    const { calls, answers } = await flood(60, () => service.settled());
    expect(calls).toBeLessThanOrEqual(3 + 61 / COOLDOWN_SECONDS);
    expect(calls).toBeGreaterThan(5);
    expect([...answers]).toEqual(['SIGNATURE_MISMATCH']);
  });

  it('does so too if timers fire a little early, as those of Node do', async () => {
    const { service, clock } = fixture;
    const { schedule } = clock;
    clock.schedule = (task, delayMs) => schedule(task, delayMs - 1);
    await clock.advance(10 * SECOND);
    const { calls } = await flood(60, () => service.settled());
    expect(calls).toBeLessThanOrEqual(3 + 61 / COOLDOWN_SECONDS);
  });

  it('does so too while the source hangs', async () => {
    const { service, clock, verifier } = fixture;
    await clock.advance(10 * SECOND);
    service.hold = true;
    const { calls, answers } = await flood(60, () => undefined);
    expect(calls).toBeGreaterThan(2);
    // A failed load is tried again without being asked for, after a wait that grows: 1, 2, 4 … seconds at most.
    const reasons = fixture.events.flatMap((event) =>
      event.type === 'secrets-failed' ? [event.reason] : [],
    );
    expect(reasons.filter((reason) => reason === 'mismatch').length).toBeLessThanOrEqual(
      3 + 61 / COOLDOWN_SECONDS,
    );
    expect([...answers].sort()).toEqual(['SECRETS_UNCERTAIN', 'SIGNATURE_MISMATCH']);
    expect(verifier.health().state).toBe('degraded');
  });

  it('does so too while the source refuses', async () => {
    const { service, clock } = fixture;
    await clock.advance(10 * SECOND);
    await service.proxy.refuse();
    await flood(60, () => service.settled());
    const reasons = fixture.events.flatMap((event) =>
      event.type === 'secrets-failed' ? [event.reason] : [],
    );
    expect(reasons.filter((reason) => reason === 'mismatch').length).toBeLessThanOrEqual(
      3 + 61 / COOLDOWN_SECONDS,
    );
    expect(reasons.length).toBeGreaterThan(3);
  });

  it('does not keep a rotation from being found: the first genuine request after a cooldown is verified', async () => {
    const { service, clock, deliver } = fixture;
    await clock.advance(10 * SECOND);
    service.content = { current: B, previous: A, version: '2' };
    service.hold = true;
    const forged = Array.from({ length: 63 }, () => deliver(FORGED));
    const genuine = deliver(B);
    await vi.waitFor(() => expect(service.held).toHaveLength(1));
    service.held[0]?.answer(JSON.stringify(service.content));
    expect(await genuine).toBe('current');
    expect(new Set(await Promise.all(forged))).toEqual(new Set(['SIGNATURE_MISMATCH']));
    expect(service.held).toHaveLength(1);
  });
});

describe('under load', () => {
  const WORKERS = 32;

  /** Deliveries signed with `secret`, one after the other by each of many senders, until stopped: in the order in which they started. */
  function load(secret: string): { started: { answer: string | undefined }[]; stop(): Promise<void> } {
    const started: { answer: string | undefined }[] = [];
    let isOver = false;
    const workers = Array.from({ length: WORKERS }, async () => {
      while (!isOver) {
        const one: { answer: string | undefined } = { answer: undefined };
        started.push(one);
        one.answer = await fixture.deliver(secret);
        await turn();
      }
    });
    return {
      started,
      async stop() {
        isOver = true;
        await Promise.all(workers);
      },
    };
  }

  /** Runs `change` amid load; returns the responses of those that started before it was called, and after it had resolved. */
  async function amid(secret: string, change: () => Promise<unknown>) {
    const { started, stop } = load(secret);
    const more = (count: number) =>
      vi.waitFor(() => expect(started.length).toBeGreaterThan(count), { interval: 1 });
    await more(200);
    const before = started.filter(({ answer }) => answer !== undefined).length;
    await change();
    const from = started.length;
    // The very first that starts now, before anything else has had a chance to run.
    const first = await fixture.deliver(secret);
    await more(from + 500);
    await stop();
    const answers = (some: typeof started) => new Set(some.map(({ answer }) => answer));
    return {
      before: answers(started.slice(0, before - WORKERS)),
      after: answers(started.slice(from)).add(first),
    };
  }

  const REFUSED = { before: new Set(['current']), after: new Set(['SIGNATURE_MISMATCH']) };

  it('a key that the source no longer lists is refused from the first request after reload()', async () => {
    const { service, verifier } = fixture;
    service.content = { current: B };
    expect(await amid(A, () => verifier.reload())).toEqual(REFUSED);
    expect(await fixture.deliver(B)).toBe('current');
  });

  it('so it is when the reload was asked for while an older load was under way', async () => {
    const { service, verifier } = fixture;
    service.hold = true;
    const older = verifier.reload();
    await vi.waitFor(() => expect(service.held).toHaveLength(1));
    service.hold = false;
    service.content = { current: B };
    const change = async () => {
      const newer = verifier.reload();
      service.held[0]?.answer(JSON.stringify({ current: A }));
      await Promise.all([older, newer]);
    };
    expect(await amid(A, change)).toEqual(REFUSED);
  });

  it('a key is refused from the first request after revoke(), though the source lists it on', async () => {
    const { service, verifier } = fixture;
    service.content = { current: { secret: B, id: 'b' }, previous: { secret: A, id: 'a' } };
    await verifier.reload();
    const revoked = await amid(A, () => verifier.revoke('a'));
    expect(revoked).toEqual({ ...REFUSED, before: new Set(['previous']) });
    await verifier.reload();
    expect([await fixture.deliver(A), await fixture.deliver(B)]).toEqual(['SIGNATURE_MISMATCH', 'current']);
  });

  it('so it is though a load that lists it is under way, and one that waits for that load gets no way in', async () => {
    const { service, verifier, clock, deliver } = fixture;
    await clock.advance(10 * SECOND);
    const id = verifier.health().secrets.keys[0]?.id ?? '';
    service.hold = true;
    const waiting = deliver(B);
    await vi.waitFor(() => expect(service.held).toHaveLength(1));
    const change = async () => {
      await verifier.revoke(id);
      service.hold = false;
      service.content = { current: B, previous: A };
      service.held[0]?.answer(JSON.stringify({ current: B, previous: A }));
    };
    const { before, after } = await amid(A, change);
    expect(before).toEqual(new Set(['current']));
    // Between the ban and the new set there is no key at all.
    expect([...after].filter((answer) => answer !== 'NOT_READY')).toEqual(['SIGNATURE_MISMATCH']);
    expect(await waiting).toBe('current');
    expect(await deliver(A)).toBe('SIGNATURE_MISMATCH');
    expect(verifier.health().secrets).toMatchObject({ keys: [{ role: 'current' }], revoked: [id] });
  });
});
