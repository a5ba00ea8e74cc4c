import { createVerifier } from '@countersign/core';
import { stripe } from '@countersign/schemes';
import Stripe from 'stripe';
import { type Contender, interleave, type Rounds } from '../measure/interleave.ts';
import { jsonOfSize } from '../measure/json-of-size.ts';
import { printRatio, ratios, type Spread, spreadOf } from '../measure/spread.ts';
import { amount, atMost, type Report, type Table } from '../report/report.ts';
import { oneByOne, type Signed } from '../verify/group.ts';
import { stripeByHand } from '../verify/references.ts';
import { signedBy, stuffed, withSignatures } from './requests.ts';

const KEYS = [1, 2, 4, 8] as const;
const SIGNATURES = [1, 2, 4, 8, 16] as const;
const STUFFED = [17, 100, 400] as const;
const { webhooks } = new Stripe('sk_test_none');

/** The verifiers by name, as they are used with several secrets. */
const verifiers: Readonly<Record<string, (secrets: readonly string[], request: Signed) => () => unknown>> = {
  countersign(secrets, request) {
    const verifier = createVerifier({ scheme: stripe(), secrets: { current: [...secrets] }, replay: false });
    return () => verifier.verify(request).catch(() => false);
  },
  'by hand'(secrets, request) {
    const verify = stripeByHand(secrets);
    return () => verify(request);
  },
  'stripe verifyHeader, one by one'(secrets, { headers, body }) {
    const header = headers['stripe-signature'] ?? '';
    const verify = oneByOne(secrets, (secret) => webhooks.signature?.verifyHeader(body, header, secret, 300));
    return () => {
      try {
        return verify();
      } catch {
        return false;
      }
    };
  },
};

/** What several keys, several signatures and stuffed headers cost. */
export async function keys(progress: (line: string) => void): Promise<Report> {
  const body = jsonOfSize(1024);
  const secrets = Array.from({ length: 8 }, (_, index) => `whsec_secret-number-${index}-of-the-set`);
  const first = secrets.slice(0, 1);
  const last = (count: number) => signedBy(secrets[count - 1] ?? '', body);
  const byKeys = await series(progress, 'keys', KEYS, (count) => [secrets.slice(0, count), last(count)]);
  const bySignatures = await series(progress, 'signatures', SIGNATURES, (count) => [
    first,
    withSignatures(last(1), count),
  ]);
  const byStuffing = await series(progress, 'stuffed', [1, ...STUFFED], (count) => [
    first,
    count === 1 ? last(1) : stuffed(last(1), count),
  ]);
  const ours = 'countersign';
  return {
    title: 'Several keys, several signatures, stuffed headers',
    head: [
      "A request of 1 KiB by Stripe's scheme: microseconds, and in brackets the multiple of one key and one signature by the same verifier in the same round (median; quartiles). With several keys the last one signed. A library that accepts one secret is called once for each.",
      'A stuffed header contains that many invalid signatures. Countersign accepts 16 signatures and 4096 characters; more is refused without hashing.',
    ],
    tables: [
      byKeys.table('Keys', (count) => `${count}`),
      bySignatures.table('Signatures in one header', (count) => `${count}`),
      byStuffing.table('Stuffed header, against one valid request', (count) =>
        count === 1 ? 'valid' : `${count}`,
      ),
    ],
    charts: [byKeys.chart('Keys'), bySignatures.chart('Signatures'), byStuffing.chart('Stuffed header')],
    targets: [
      ...KEYS.slice(1).map((count) =>
        atMost(`${count} keys over one`, byKeys.ratio(ours, count).median, count * 1.1),
      ),
      atMost('16 signatures over one', bySignatures.ratio(ours, 16).median, 1.1),
      ...STUFFED.map((count) =>
        atMost(`${count} stuffed signatures over one valid request`, byStuffing.ratio(ours, count).median, 1),
      ),
    ],
    omitted: [],
    faults: [],
  };
}

async function series(
  progress: (line: string) => void,
  what: string,
  counts: readonly number[],
  make: (count: number) => [readonly string[], Signed],
): Promise<Series> {
  progress(what);
  const contenders: Contender[] = [];
  for (const [name, verifier] of Object.entries(verifiers)) {
    for (const count of counts) {
      const run = verifier(...make(count));
      const accepted = (await run()) !== false;
      if (accepted !== (what !== 'stuffed' || count === 1))
        throw new Error(`${name}, ${count} ${what}: ${accepted ? 'accepted' : 'refused'}.`);
      contenders.push({ name: `${name}/${count}`, run });
    }
  }
  return new Series(counts, contenders, await interleave(contenders));
}

/** How the cost grows with a count. */
class Series {
  readonly #counts: readonly number[];
  readonly #times: ReadonlyMap<string, readonly number[]>;

  constructor(counts: readonly number[], contenders: readonly Contender[], rounds: Rounds) {
    this.#counts = counts;
    this.#times = new Map(contenders.map(({ name }, index) => [name, rounds[index] ?? []]));
  }

  ratio(name: string, count: number): Spread {
    return ratios(this.#of(name, count), this.#of(name, 1));
  }

  table(caption: string, heading: (count: number) => string): Table {
    const cell = (name: string, count: number) =>
      `${amount(spreadOf(this.#of(name, count)).median)} · ${printRatio(this.ratio(name, count))}`;
    return {
      caption,
      columns: ['', ...this.#counts.map(heading)],
      rows: Object.keys(verifiers).map((name) => [name, ...this.#counts.map((count) => cell(name, count))]),
    };
  }

  chart(title: string) {
    return {
      title,
      unit: 'multiple of one',
      categories: this.#counts.map(String),
      series: Object.keys(verifiers).map((name) => ({
        name,
        values: this.#counts.map((count) => this.ratio(name, count).median),
      })),
      logarithmic: true,
    };
  }

  #of(name: string, count: number): readonly number[] {
    return this.#times.get(`${name}/${count}`) ?? [];
  }
}
