import { createHmac } from 'node:crypto';
import { createVerifier, type DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { generateSigningKeys, sign } from '@countersign/testing';
import { interleave } from '../measure/interleave.ts';
import { printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, atMost, type Report } from '../report/report.ts';
import { JUNK } from './junk.ts';

const FACTORIES: Readonly<Record<string, () => DefinedScheme>> = schemes;
const URL_GIVEN = 'https://hooks.example.com/in';
const LIMIT = 5;

/** What refusing a megabyte of junk costs, over one HMAC-SHA256 of the same bytes. */
export async function refusals(progress: (line: string) => void): Promise<Report> {
  const rows: string[][] = [];
  let worst = 0;
  for (const [factory, make] of Object.entries(FACTORIES)) {
    progress(factory);
    const scheme = make();
    const { secret, signingSecret } = generateSigningKeys(scheme);
    const verifier = createVerifier({
      scheme,
      secrets: secret,
      replay: false,
      ...(scheme.needsPublicUrl === true ? { publicUrl: URL_GIVEN } : {}),
    });
    await verifier.ready();
    let highest: { name: string; own: readonly number[]; base: readonly number[] } | undefined;
    for (const [name, body] of Object.entries(JUNK)) {
      const { headers, url = URL_GIVEN } = sign(scheme, {
        secret: signingSecret,
        body: '{}',
        url: URL_GIVEN,
      });
      const { pathname, search } = new URL(url);
      const request = { method: 'POST', url: pathname + search, headers, body };
      const [own = [], base = []] = await interleave(
        [
          { name: 'refused', run: () => verifier.verify(request).catch(() => undefined) },
          { name: 'HMAC', run: () => createHmac('sha256', 'a key').update(body).digest() },
        ],
        { rounds: 9, sliceMs: 2 },
      );
      const ratio = ratios(own, base).median;
      if (highest === undefined || ratio > ratios(highest.own, highest.base).median)
        highest = { name, own, base };
    }
    await verifier.close();
    if (highest === undefined) continue;
    const ratio = ratios(highest.own, highest.base);
    worst = Math.max(worst, ratio.median);
    rows.push([`\`${factory}\``, highest.name, amount(spreadOf(highest.own).median), printRatio(ratio)]);
  }
  return {
    title: 'Refusing a megabyte of junk',
    head: [
      'For each sender the junk of 1 MiB that costs most: microseconds, and the multiple of one HMAC-SHA256 of the same bytes in the same round (median, and quartiles over the rounds). Senders that do not sign the body accept any.',
    ],
    tables: [{ caption: 'The most expensive junk', columns: ['sender', 'junk', 'µs', 'over an HMAC'], rows }],
    charts: [],
    targets: [atMost('the most expensive junk at any sender over an HMAC of the same bytes', worst, LIMIT)],
    omitted: [],
    faults: [],
  };
}
