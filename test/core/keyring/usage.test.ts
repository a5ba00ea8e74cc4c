import { createVerifier, type SecretSetInput, type WebhookEvent } from '@countersign/core';
import { langsmith, polyai } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import { expect, it } from 'vitest';

const A = 'first-3f9a1c77e0b24d5d-3f9a1c77e0b24d5d';
const B = 'second-8c41d2ab90ff77e3-8c41d2ab90ff77e3';
const MINUTE = 60_000;

function setUp(scheme = polyai()) {
  const clock = manualClock();
  let set: SecretSetInput = { current: { secret: A, id: 'a' } };
  const events: WebhookEvent[] = [];
  const verifier = createVerifier({
    scheme,
    secrets: () => set,
    clock,
    observe: (event) => events.push(event),
  });
  const deliver = (secret: string, body: string, timestamp = clock.now() / 1000) => {
    const signed = sign(scheme, { secret, body, timestamp });
    return verifier.handle({ headers: signed.headers, body: signed.body }, () => undefined);
  };
  /** Per key: its role, how many deliveries it verified, and how many minutes ago the last one was. */
  const usage = () =>
    verifier.health().secrets.keys.map(({ id, role, matches, lastMatchAt }) => {
      const minutes = lastMatchAt === undefined ? undefined : (clock.now() - lastMatchAt.getTime()) / MINUTE;
      return [id, role, matches, minutes];
    });
  const load = async (next: SecretSetInput) => {
    set = next;
    await verifier.reload();
  };
  return { clock, verifier, events, deliver, usage, load };
}

it('per key, health() shows how many deliveries it verified and when the last one was, so the old secret is seen to fade', async () => {
  const { clock, deliver, usage, load } = setUp();
  for (const body of ['1', '2', '3']) await deliver(A, body);
  expect(usage()).toEqual([['a', 'current', 3, 0]]);

  await load({ current: { secret: B, id: 'b' }, previous: { secret: A, id: 'a' } });
  expect(usage()).toEqual([
    ['b', 'current', 0, undefined],
    ['a', 'previous', 3, 0],
  ]);
  await clock.advance(5 * MINUTE);
  await deliver(A, '4');
  await clock.advance(10 * MINUTE);
  await deliver(B, '5');
  // The same delivery again: its sender still signs with this secret.
  await deliver(B, '5');
  expect(usage()).toEqual([
    ['b', 'current', 2, 0],
    ['a', 'previous', 4, 10],
  ]);
});

it('per key, health() shows since when the process has had the key, whatever is reloaded and whatever its role is', async () => {
  const { clock, verifier, load } = setUp();
  const since = () =>
    verifier
      .health()
      .secrets.keys.map(({ id, countedSince }) => [
        id,
        (clock.now() - (countedSince?.getTime() ?? 0)) / MINUTE,
      ]);
  await verifier.ready();
  await clock.advance(5 * MINUTE);
  await load({ current: { secret: B, id: 'b' }, previous: { secret: A, id: 'a' } });
  await clock.advance(2 * MINUTE);
  await verifier.reload();
  expect(since()).toEqual([
    ['b', 2],
    ['a', 7],
  ]);
  await load({ current: { secret: B, id: 'b' } });
  await load({ current: { secret: B, id: 'b' }, previous: { secret: A, id: 'a' } });
  expect(since()).toEqual([
    ['b', 2],
    ['a', 0],
  ]);
});

it('what is refused counts for no key', async () => {
  const { clock, deliver, usage } = setUp();
  const answers = [
    await deliver(B, 'forged'),
    await deliver(A, 'too old', clock.now() / 1000 - 301),
    await deliver(A, 'too new', clock.now() / 1000 + 301),
  ];
  expect(answers.every(({ status }) => status >= 400)).toBe(true);
  expect(usage()).toEqual([['a', 'current', 0, undefined]]);
});

it("a replay that is refused for the time in its body can't make an old secret look used", async () => {
  const { clock, deliver, usage, events } = setUp(langsmith());
  const body = (at: number) => JSON.stringify({ id: 'd-1', created: Math.floor(at / 1000) });
  await deliver(A, body(clock.now()));
  await clock.advance(MINUTE);
  await deliver(A, body(clock.now() - 30 * 24 * 60 * MINUTE));
  expect(events.at(-1)).toMatchObject({ type: 'refused', code: 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD' });
  expect(usage()).toEqual([['a', 'current', 1, 1]]);
});

it('observe names the key and its role with each delivery: who counts comes to the same', async () => {
  const { clock, deliver, events, load, verifier } = setUp();
  await load({ current: { secret: B, id: 'b' }, previous: { secret: A, id: 'a' } });
  for (const secret of [A, B, B, 'nobodys-00c0ffee00c0ffee', A, B]) {
    await clock.advance(MINUTE);
    await deliver(secret, String(clock.now()));
  }
  const counted = new Map<string, number>();
  for (const event of events) {
    if (event.type !== 'verified') continue;
    const name = `${event.key.id} ${event.key.role}`;
    counted.set(name, (counted.get(name) ?? 0) + 1);
  }
  expect([...counted].sort()).toEqual([
    ['a previous', 2],
    ['b current', 3],
  ]);
  const told = verifier.health().secrets.keys.map(({ id, role, matches }) => [`${id} ${role}`, matches]);
  expect(new Map(told as [string, number][])).toEqual(counted);
});
