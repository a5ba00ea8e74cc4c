import { isEqual, printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, type Chart, type Report, type Table } from '../report/report.ts';
import { BY_HAND, LIMIT, OURS, runField, SITUATIONS, type Situation } from './field.ts';
import type { Group } from './group.ts';
import { jsonTable } from './json.ts';
import { githubGroup } from './senders/github.ts';
import { slackGroup } from './senders/slack.ts';
import { standardWebhooksGroup } from './senders/standard-webhooks.ts';
import { stripeGroup } from './senders/stripe.ts';
import { twilioGroup } from './senders/twilio.ts';
import { SIZES } from './sizes.ts';
import { type Results, targetsOf } from './targets.ts';

const groups: readonly Group[] = [standardWebhooksGroup, stripeGroup, githubGroup, slackGroup, twilioGroup];

const WHAT: Readonly<Record<Situation, string>> = {
  valid: 'valid signature, one key',
  invalid: 'invalid signature, one key',
  'second key': 'two keys, the second matches',
};

/** Verifying one request against the senders' own libraries, code written by hand, and the bare hash. */
export async function verify(progress: (line: string) => void): Promise<Report> {
  const results: Results[] = [];
  for (const group of groups) {
    const fields: Results['fields'][number][] = [];
    for (const { name, bytes } of SIZES) {
      progress(`${group.name}, ${name}`);
      fields.push(await runField(group, bytes));
    }
    results.push({ name: group.name, fields });
  }
  progress('JSON');
  return {
    title: 'Verifying a request',
    head: [
      'Microseconds a request, and in brackets the multiple of the code written by hand in the same round: median, and quartiles over the rounds. `=`: equal to countersign, since no difference shows beyond the spread.',
      `\`${LIMIT}\` is one SHA-256 of the body and nothing else: the limit of this machine for one key. No one who verifies can be faster.`,
    ],
    tables: [...results.flatMap(tablesOf), await jsonTable()],
    charts: results.map(chartOf),
    targets: targetsOf(results),
    omitted: [],
    faults: [],
  };
}

function tablesOf({ name, fields }: Results): Table[] {
  return SITUATIONS.map((situation) => ({
    caption: `${name}: ${WHAT[situation]}`,
    columns: ['', ...SIZES.map((size) => size.name)],
    rows: (fields[0]?.names ?? []).map((contender) => [
      contender,
      ...fields.map((field) => {
        const own = field.of(situation, contender);
        const ratio = printRatio(ratios(own, field.of(situation, BY_HAND)));
        const equal = contender !== OURS && isEqual(ratios(own, field.of(situation, OURS)));
        return `${amount(spreadOf(own).median)} · ${ratio}${equal ? ' =' : ''}`;
      }),
    ]),
  }));
}

function chartOf({ name, fields }: Results): Chart {
  return {
    title: `${name}, valid signature`,
    unit: 'multiple of the code by hand',
    categories: SIZES.map((size) => size.name),
    series: (fields[0]?.names ?? [])
      .filter((contender) => contender !== BY_HAND)
      .map((contender) => ({
        name: contender,
        values: fields.map(
          (field) => ratios(field.of('valid', contender), field.of('valid', BY_HAND)).median,
        ),
      })),
    logarithmic: true,
  };
}
