import { type Explanation, explain } from '@countersign/explain';
import { afterAll, describe, expect, test } from 'vitest';
import { countOwnTimeOnly } from '../../../test/support/own-time.ts';
import { shownSecrets } from './support/hidden.ts';
import { MISTAKES, type Mistake, setup, UNTELLABLE } from './support/mistakes.ts';
import { BODY_SENDERS, captured, URL_SENDERS } from './support/senders.ts';

countOwnTimeOnly();

/** What was found for one mistake. */
interface Figures {
  requests: number;
  first: number;
  amongThree: number;
  /** Requests for which a wrong cause is `proven` or `likely`. */
  wrongAndCertain: number;
}

const figures = new Map<string, Figures>();
const times: number[] = [];
/** Parts of secrets and signatures that were shown. */
const shown: string[] = [];

async function timed(options: Parameters<typeof explain>[0]): Promise<Explanation> {
  const startedAt = process.hrtime.bigint();
  const explanation = await explain(options);
  times.push(Number(process.hrtime.bigint() - startedAt) / 1e6);
  return explanation;
}

async function run({ name, code, senders, make }: Mistake): Promise<string[]> {
  const row: Figures = { requests: 0, first: 0, amongThree: 0, wrongAndCertain: 0 };
  figures.set(name, row);
  const right = [code].flat();
  const wrong: string[] = [];
  for (const [index, sender] of senders.entries()) {
    const options = await make(sender, index);
    const explanation = await timed(options);
    const { verdict, causes } = explanation;
    shown.push(...(await shownSecrets(explanation, options, sender)));
    // This verifier tolerates it: Svix ignores malformed entries, and Twilio is tried with and without a port.
    if (verdict === 'accepted' && ['svix', 'twilio'].includes(sender.scheme.name)) continue;
    row.requests += 1;
    const isRight = (at: number) => causes[at] !== undefined && right.includes(causes[at].code);
    if (isRight(0)) row.first += 1;
    if ([0, 1, 2].some(isRight)) row.amongThree += 1;
    const certain = causes.filter((cause) => cause.certainty !== 'possible' && !right.includes(cause.code));
    if (certain.length > 0) row.wrongAndCertain += 1;
    if (!isRight(0) || certain.length > 0 || verdict !== 'refused')
      wrong.push(
        `${sender.name}: ${verdict} ${causes.map((each) => `${each.code} (${each.certainty}: ${each.message})`).join(', ')}`,
      );
  }
  return wrong;
}

describe.each(MISTAKES.map((mistake) => [mistake.name, mistake] as const))('%s', (name, mistake) => {
  test('is named first by nearly all senders, and never something else with certainty', async () => {
    const wrong = await run(mistake);
    const row = figures.get(name);
    expect(row?.requests).toBeGreaterThanOrEqual(10);
    expect(row?.wrongAndCertain, wrong.join('\n')).toBe(0);
    expect(row?.first, wrong.join('\n')).toBeGreaterThanOrEqual((row?.requests ?? 0) * 0.9);
  });
});

test.each(UNTELLABLE.map((mistake) => [mistake.name, mistake] as const))(
  'says that nothing can be told: %s',
  async (name, mistake) => {
    const wrong = await run(mistake);
    expect(figures.get(name)).toMatchObject({ wrongAndCertain: 0, first: mistake.senders.length });
    expect(wrong).toEqual([]);
  },
);

test('genuine requests are accepted, and nothing is said against them', async () => {
  for (const sender of [...BODY_SENDERS, ...URL_SENDERS]) {
    const { verdict, code, causes } = await timed(setup(sender, await captured(sender)));
    expect({ sender: sender.name, verdict, code, causes }).toEqual({
      sender: sender.name,
      verdict: 'accepted',
      code: undefined,
      causes: [],
    });
  }
});

test('no explanation contains a secret, a computed signature, or more than 8 characters of a given one', () => {
  expect(shown).toEqual([]);
});

test('the right cause comes first for at least 95 % of the requests', () => {
  const rows = [...figures.values()];
  const sum = (of: keyof Figures) => rows.reduce((all, row) => all + row[of], 0);
  expect(sum('first') / sum('requests')).toBeGreaterThanOrEqual(0.95);
});

afterAll(() => {
  const lines = [...figures].map(
    ([name, { requests, first, amongThree, wrongAndCertain }]) =>
      `${name.padEnd(64)} ${String(first).padStart(3)} / ${String(amongThree).padStart(3)} of ${String(requests).padStart(3)}, wrong and certain ${wrongAndCertain}`,
  );
  const rows = [...figures.values()];
  const sum = (of: keyof Figures) => rows.reduce((all, row) => all + row[of], 0);
  const sorted = [...times].sort((a, b) => a - b);
  process.stdout.write(
    [
      'right first / among the first three',
      ...lines,
      `all: ${sum('first')} / ${sum('amongThree')} of ${sum('requests')}, wrong and certain ${sum('wrongAndCertain')}`,
      `time: median ${(sorted[sorted.length >> 1] ?? 0).toFixed(1)} ms, worst ${(sorted.at(-1) ?? 0).toFixed(1)} ms`,
      '',
    ].join('\n'),
  );
});
