import { createVerifier } from '@countersign/core';
import { generateSigningKeys, sign } from '@countersign/testing';
import { interleave } from '../measure/interleave.ts';
import { jsonOfSize } from '../measure/json-of-size.ts';
import { differences, printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, type Report } from '../report/report.ts';
import type { Signed } from '../verify/group.ts';
import { kinds as all, type Kind } from './kinds.ts';

const PUBLIC_URL = 'https://example.com/hooks/kind';
const BYTES = 1024;

/** Every kind of scheme against the same verification written by hand. */
export async function kinds(progress: (line: string) => void): Promise<Report> {
  progress(all.map(({ name }) => name).join(', '));
  const contenders = all.flatMap((kind) => {
    const { secret, request } = signedRequest(kind);
    const verifier = createVerifier({
      scheme: kind.scheme,
      secrets: secret,
      replay: false,
      ...(kind.isForm === true ? { publicUrl: PUBLIC_URL } : {}),
    });
    const byHand = kind.byHand(secret);
    const { headers, body } = request;
    const received = { method: 'POST', url: new URL(PUBLIC_URL).pathname, headers, body };
    return [
      { name: `${kind.name}, by hand`, run: () => byHand(request) },
      { name: `${kind.name}, countersign`, run: () => verifier.verify(received) },
    ];
  });
  for (const { name, run } of contenders)
    if ((await run()) === false) throw new Error(`${name} refuses the request that both must accept.`);

  const rounds = await interleave(contenders, { rounds: 41 });
  const rows = all.map(({ name }, index) => {
    const byHand = rounds[2 * index] ?? [];
    const ours = rounds[2 * index + 1] ?? [];
    return {
      name,
      byHand: spreadOf(byHand).median,
      ours: spreadOf(ours).median,
      ratio: ratios(ours, byHand),
      over: differences(ours, byHand).median,
    };
  });
  return {
    title: 'Every kind of scheme',
    head: [
      'A valid request of 1 KiB by each kind of scheme that the scheme language knows, against the same verification written by hand: microseconds, and the multiple (median over the rounds; quartiles).',
    ],
    tables: [
      {
        caption: 'Kinds',
        columns: ['', 'by hand, µs', 'countersign, µs', 'multiple'],
        rows: rows.map(({ name, byHand, ours, ratio }) => [
          name,
          amount(byHand),
          amount(ours),
          printRatio(ratio),
        ]),
      },
    ],
    charts: [
      {
        title: 'A valid request of 1 KiB',
        unit: 'µs',
        categories: all.map(({ name }) => name),
        series: [
          { name: 'by hand', values: rows.map(({ byHand }) => byHand) },
          { name: 'countersign', values: rows.map(({ ours }) => ours) },
        ],
        logarithmic: true,
      },
    ],
    targets: rows.map(({ name, byHand, over }) => ({
      name: `${name}: over the code by hand`,
      limit: 'at most the larger of 10 % and 3 µs',
      measured: `${amount(over)} µs`,
      met: over <= Math.max(3, byHand * 0.1),
    })),
    omitted: [],
    faults: [],
  };
}

function signedRequest({ scheme, isForm }: Kind): { secret: string; request: Signed } {
  const { secret, signingSecret } = generateSigningKeys(scheme);
  const body = isForm === true ? formOfSize(BYTES) : jsonOfSize(BYTES);
  const signed = sign(scheme, {
    secret: signingSecret,
    body,
    ...(isForm === true ? { url: PUBLIC_URL } : {}),
  });
  return {
    secret: String(secret),
    request: { headers: signed.headers, body: Buffer.from(signed.body), url: signed.url ?? PUBLIC_URL },
  };
}

/** A form as a telephone company posts it: some twenty short fields. */
function formOfSize(bytes: number): Buffer {
  const fields = Array.from({ length: 20 }, (_, index) => `Field${String(index).padStart(2, '0')}=`);
  const each = Math.floor((bytes - fields.join('&').length) / fields.length);
  const text = fields.map((field) => field + 'x'.repeat(each)).join('&');
  return Buffer.from(text + 'x'.repeat(bytes - text.length));
}
