import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { createVerifier } from '@countersign/core';
import { github } from '@countersign/schemes';
import { amount, type Report } from '../report/report.ts';
import { cropped, momentsOf, welch } from './welch.ts';

const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
/** How many leading bytes of a wrong signature are right. */
const AGREEING = [1, 16, 31] as const;
const PAIRS = [
  [0, 1],
  [0, 2],
  [1, 2],
] as const;
/**
 * Different deliveries, each with a wrong signature of every class. With one delivery alone, signatures that agree with its right
 * one would look alike, and the processor would learn to decode them faster: that is not a leak.
 */
const POOL = 512;
const SAMPLES = 60_000;
const WARM_UP = 20_000;
/** Above it, chance does not explain it: about one in 150,000. */
const LIMIT = 4.5;
const KEPT = 0.9;

interface Delivery {
  readonly body: Buffer;
  /** One for each of {@link AGREEING}. */
  readonly signatures: readonly string[];
}
type Verify = (body: Buffer, signature: string) => unknown;

function deliveries(): Delivery[] {
  return Array.from({ length: POOL }, (_, number) => {
    const body = Buffer.from(JSON.stringify({ id: `evt_${1000 + number}` }));
    const right = createHmac('sha256', SECRET).update(body).digest();
    return { body, signatures: AGREEING.map((agreeing) => wrongSignature(right, agreeing)) };
  });
}

/** Agrees with the right one in so many bytes, and differs in the next. */
function wrongSignature(right: Buffer, agreeing: number): string {
  const wrong = randomBytes(right.length);
  right.copy(wrong, 0, 0, agreeing);
  if (wrong[agreeing] === right[agreeing]) wrong[agreeing] = (wrong[agreeing] ?? 0) ^ 0x80;
  return wrong.toString('hex');
}

/** The usual mistake: the comparison ends at the first byte that differs. */
function leaky(): Verify {
  return async (body, signature) => {
    const given = Buffer.from(signature, 'hex');
    const right = createHmac('sha256', SECRET).update(body).digest();
    for (let at = 0; at < right.length; at++) if (given.at(at) !== right.at(at)) return false;
    return true;
  };
}

/** Times of every class, in an unpredictable order. */
async function measure(verify: Verify, pool: readonly Delivery[]): Promise<number[][]> {
  const samples: number[][] = AGREEING.map(() => []);
  for (let count = -WARM_UP; count < SAMPLES * AGREEING.length; count++) {
    const kind = randomInt(AGREEING.length);
    const { body, signatures } = pool[randomInt(POOL)] as Delivery;
    const signature = signatures[kind] ?? '';
    const start = performance.now();
    await verify(body, signature);
    const end = performance.now();
    if (count >= 0) samples[kind]?.push((end - start) * 1e6);
  }
  return cropped(samples, KEPT);
}

/** Whether the time of a refusal shows how much of a signature was right. */
export async function timing(progress: (line: string) => void): Promise<Report> {
  const pool = deliveries();
  const verifier = createVerifier({
    scheme: github(),
    secrets: SECRET,
    replay: false,
    observe: () => undefined,
  });
  await verifier.ready();
  const subjects: Record<string, Verify> = {
    countersign: (body, signature) =>
      verifier
        .verify({ headers: ['x-hub-signature-256', `sha256=${signature}`], body })
        .catch(() => undefined),
    'a comparison that leaks': leaky(),
  };
  const rows: string[][] = [];
  const largest: Record<string, number> = {};
  for (const [name, verify] of Object.entries(subjects)) {
    progress(name);
    const classes = (await measure(verify, pool)).map(momentsOf);
    for (const [one, other] of PAIRS) {
      const [a, b] = [classes[one], classes[other]];
      if (a === undefined || b === undefined) continue;
      const t = welch(a, b);
      largest[name] = Math.max(largest[name] ?? 0, Math.abs(t));
      rows.push([
        name,
        `${AGREEING[one]} and ${AGREEING[other]}`,
        amount(a.mean),
        amount(b.mean),
        t.toFixed(2),
      ]);
    }
  }
  await verifier.close();
  const { countersign: ours = Number.NaN, 'a comparison that leaks': control = Number.NaN } = largest;
  return {
    title: 'Does the time of a refusal show how much of a signature was right?',
    head: [
      `Wrong signatures that agree with the right one in 1, 16 and 31 of 32 bytes, for ${POOL} deliveries, in an order by chance; ${SAMPLES.toLocaleString('en')} refusals of each kind on average. Nanoseconds without the slowest tenth, and Welch's t.`,
      `An absolute t below ${LIMIT} is what chance alone produces. The same test must catch a comparison that ends at the first byte that differs: otherwise it shows nothing.`,
    ],
    tables: [{ caption: 'Means and t', columns: ['', 'bytes that agree', 'ns', 'ns', 't'], rows }],
    charts: [],
    targets: [
      { name: 'largest |t|', limit: `below ${LIMIT}`, measured: ours.toFixed(2), met: ours < LIMIT },
      {
        name: 'largest |t| of the comparison that leaks',
        limit: `above ${LIMIT}`,
        measured: control.toFixed(2),
        met: control > LIMIT,
      },
    ],
    omitted: [],
    faults: [
      ...(ours < LIMIT
        ? []
        : [`The time of a refusal depends on how much of the signature is right: t is ${ours.toFixed(2)}.`]),
      ...(control > LIMIT
        ? []
        : [
            `The test did not catch the comparison that leaks (t is ${control.toFixed(2)}): run it again on a quieter machine.`,
          ]),
    ],
  };
}
