import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { outcomeAt, outcomeOf } from '../../../test/support/outcome.ts';
import { LIBRARIES } from './support/libraries/index.ts';
import { BODY, type Library, NOW, type Trial, withBom } from './support/libraries/library.ts';

const RUNS = 700;

const COMMON_REWRITES: Library['rewrites'] = {
  'as it is': (signature) => signature,
  'the last character gone': (signature) => signature.slice(0, -1),
  'a padding more': (signature) => `${signature}=`,
  'a character more': (signature) => `${signature}A`,
  'upper case': (signature) => signature.toUpperCase(),
  'the last character but one changed': (signature) =>
    `${signature.slice(0, -2)}${signature.at(-2) === 'a' ? 'b' : 'a'}${signature.slice(-1)}`,
  nothing: () => '',
};

/** Bodies and what may become of them: the signed one first. */
const bodies: fc.Arbitrary<[Buffer, Buffer]> = fc
  .oneof(
    fc.json().map((json) => Buffer.from(json)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  )
  .chain((body) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.constant<[Buffer, Buffer]>([body, body]) },
      fc.constantFrom<[Buffer, Buffer]>(
        [Buffer.from(body.toString()), body],
        [body, withBom(body)],
        [withBom(body), withBom(body)],
        [body, Buffer.concat([body, Buffer.from('\n')])],
        [body, body.subarray(1)],
        [body, Buffer.alloc(0)],
      ),
    ),
  );

/** Times and how they may be written: the signed text first. */
const times: fc.Arbitrary<[string, string]> = fc
  .constantFrom(0, 0, 0, 0, 1, -1, 299, 300, 301, -299, -300, -301, 86_400, -86_400, 1_761_836_400_000)
  .chain((offset) => {
    const time = String(NOW + offset);
    const texts = [
      `${time}abc`,
      `${time}.9`,
      ` ${time}`,
      `${time} `,
      `+${time}`,
      `-${time}`,
      `0${time}`,
      `${time}000`,
    ];
    return fc.oneof(
      { weight: 8, arbitrary: fc.constant<[string, string]>([time, time]) },
      fc.constantFrom(...texts, '', 'NaN', '1e9', '0x10').map((text): [string, string] => [time, text]),
      fc.constantFrom(...texts, '', 'NaN', '1e9', '0x10').map((text): [string, string] => [text, text]),
    );
  });

const ids: fc.Arbitrary<[string, string]> = fc.oneof(
  { weight: 10, arbitrary: fc.constant<[string, string]>(['msg_1', 'msg_1']) },
  fc
    .constantFrom('msg.1', '', 'a b', 'é', 'x'.repeat(256), 'x'.repeat(257))
    .map((id): [string, string] => [id, id]),
  fc.constant<[string, string]>(['msg_1', 'msg_2']),
);

beforeEach(() => {
  // The libraries for Standard Webhooks take no clock.
  vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each(Object.entries(LIBRARIES))('%s', (_, library) => {
  const { scheme, secret, url, rewrites, differences } = library;

  /** Both outcomes of one request: the library's, then ours. */
  async function judge({ signed, sent, rewrite }: Trial, key: 'right' | 'wrong' = 'right') {
    const signature = rewrite(library.sign(signed, key));
    const request = library.request(sent, signature);
    const theirs = await accepts(() => library.verify(request));
    const outcome =
      url === undefined
        ? await outcomeOf(scheme, secret, request, NOW)
        : await outcomeAt(scheme, secret, request, url, NOW);
    const ours = outcome === 'accepted';
    return { theirs, ours, signature };
  }

  test('agrees with us on every request but those listed', async () => {
    const seen = { accepted: 0, refused: 0 };
    const rewriteNames = fc.oneof(
      { weight: 2, arbitrary: fc.constant('as it is') },
      fc.constantFrom(...Object.keys(COMMON_REWRITES), ...Object.keys(rewrites)),
    );
    const keys = fc.constantFrom('right', 'right', 'right', 'right', 'wrong');
    const trials = fc.tuple(ids, times, bodies, rewriteNames, keys);
    const property = fc.asyncProperty(trials, async ([id, time, body, name, key]) => {
      const signed = { id: id[0], time: time[0], body: body[0] };
      const sent = { id: id[1], time: time[1], body: body[1] };
      const rewrite = { ...COMMON_REWRITES, ...rewrites }[name] ?? String;
      const { theirs, ours, signature } = await judge(
        { signed, sent, rewrite },
        key === 'right' ? 'right' : 'wrong',
      );
      if (ours) {
        expect(key).toBe('right');
        for (const part of library.signs) expect(sent[part]).toEqual(signed[part]);
      }
      if (theirs === ours) seen[ours ? 'accepted' : 'refused'] += 1;
      else {
        const reasons = differences.filter((each) => each.accepts === theirs && each.holds(sent, signature));
        expect(reasons, `library: ${theirs}, we: ${ours}`).not.toEqual([]);
      }
    });
    await fc.assert(property, { numRuns: RUNS });
    // A comparison in which everything is refused would show nothing. At least some 7 % are accepted, far more than this.
    expect(seen.accepted).toBeGreaterThan(RUNS / 100);
    expect(seen.refused).toBeGreaterThan(RUNS / 100);
  });

  test.each(differences)('differs from us: it $it', async ({ accepts: theirs, holds, example }) => {
    const fresh = { id: 'msg_1', time: String(NOW), body: BODY };
    const { rewrite = String } = example;
    const sent = { ...fresh, ...example.sent };
    const outcome = await judge({ signed: { ...fresh, ...example.signed }, sent, rewrite });
    expect(outcome).toMatchObject({ theirs, ours: !theirs });
    expect(holds(sent, outcome.signature)).toBe(true);
  });
});

/** Whether a library lets a request through: whatever it throws is a refusal, but for JSON, which it reads after it verified. */
async function accepts(verify: () => unknown): Promise<boolean> {
  try {
    await verify();
    return true;
  } catch (error) {
    return error instanceof SyntaxError;
  }
}
