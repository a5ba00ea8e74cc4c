import { CATALOGUE } from '../support/catalogue.ts';
import { GeneralFixture } from '../support/matrix/general.ts';
import { rulesOf } from '../support/rules.ts';
import { altered } from './alterations.ts';
import { FuzzEndpoint } from './endpoint.ts';
import { type Accepted, isViolation, oneProof, soundness } from './properties.ts';
import { Random } from './random.ts';
import type { Report } from './report.ts';
import type { FuzzRequest } from './request.ts';

const ALTERED = 40;

interface Sender {
  readonly name: string;
  readonly fixture: GeneralFixture;
  readonly endpoint: FuzzEndpoint;
  /** The catalogue says how its bodies look. */
  readonly hasOwnBody: boolean;
}

let senders: Promise<readonly Sender[]> | undefined;

/** Every scheme of the catalogue, in each of its rules; and again with a URL whose query is not in `publicUrl`. */
async function open(): Promise<readonly Sender[]> {
  const all: Sender[] = [];
  for (const { name, scheme, entry } of CATALOGUE)
    for (const [at] of rulesOf(scheme).entries()) {
      const fixture = new GeneralFixture(scheme, at, entry);
      for (const url of new Set([fixture.url, bare(fixture.url)])) {
        const endpoint = await FuzzEndpoint.open(scheme, fixture.keys.secret, url, fixture.clock);
        const hasOwnBody = entry?.body !== undefined;
        all.push({ name: at === 0 ? name : `${name}, rule ${at}`, fixture, endpoint, hasOwnBody });
      }
    }
  return all;
}

function bare(url: string): string {
  return url.split('?')[0] ?? url;
}

/** The sender's usual body, with values of every kind that JSON has. */
function bodyOf({ fixture, hasOwnBody }: Sender, random: Random): string {
  const body = fixture.body();
  if (hasOwnBody) return body;
  const more = { nothing: null, ratio: random.below(1000) / 8, flag: random.chance(50), list: [1, null, ''] };
  return JSON.stringify({ ...JSON.parse(body), ...more });
}

/** A genuine request of one sender, and alterations of it under the same signature. */
export async function fuzzPresets(batch: number, report: Report): Promise<void> {
  senders ??= open();
  const random = new Random(batch);
  const sender = random.pick(await senders);
  const { name, fixture, endpoint } = sender;
  const { method, url = fixture.url, headers, body } = fixture.request({ body: bodyOf(sender, random) });
  const request: FuzzRequest = {
    method,
    url: url.slice(new URL(url).origin.length),
    headers: Object.entries(headers),
    body: Buffer.from(body),
  };
  const genuine = await judge(request);
  report.count(genuine === undefined ? 'genuine refused' : 'genuine accepted');
  if (genuine === undefined) return;
  for (let number = 0; number < ALTERED; number++) {
    const changed = altered(request, random);
    const forged = await judge(changed);
    report.count(forged === undefined ? 'altered refused' : 'altered accepted');
    if (forged === undefined) continue;
    const violation = oneProof(genuine, forged);
    if (violation !== undefined) report.failure(batch, name, violation, [request, changed]);
  }

  async function judge(given: FuzzRequest): Promise<Accepted | undefined> {
    report.input();
    const result = soundness(endpoint, given, await endpoint.verify(given));
    if (!isViolation(result)) return result;
    report.failure(batch, name, result, [given]);
    return undefined;
  }
}
