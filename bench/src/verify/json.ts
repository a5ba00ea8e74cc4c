import { interleave } from '../measure/interleave.ts';
import { jsonOfSize } from '../measure/json-of-size.ts';
import { printRatio, ratios } from '../measure/spread.ts';
import type { Table } from '../report/report.ts';
import { countersign, signFor } from './group.ts';
import { stripeGroup } from './senders/stripe.ts';
import { SIZES } from './sizes.ts';

/** The cost of parsing. Every receiver has it; a receiver that parses first also has it for forgeries. */
export async function jsonTable(): Promise<Table> {
  const columns: string[][] = [];
  const names = ['verify', 'body to text', 'body to text, and JSON.parse', 'verify, and json()'];
  for (const { bytes } of SIZES) {
    const body = jsonOfSize(bytes);
    const verify = countersign(stripeGroup)(
      [stripeGroup.secrets[0]],
      signFor(stripeGroup, stripeGroup.secrets[0], body),
    ) as () => Promise<{ json(): unknown }>;
    const runs = [
      verify,
      () => body.toString(),
      () => JSON.parse(body.toString()),
      async () => (await verify()).json(),
    ];
    const rounds = await interleave(runs.map((run, index) => ({ name: names[index] ?? '', run })));
    columns.push(rounds.map((own) => printRatio(ratios(own, rounds[0] ?? []))));
  }
  return {
    caption: "JSON, as a multiple of verifying alone (Stripe's scheme)",
    columns: ['', ...SIZES.map(({ name }) => name)],
    rows: names.map((name, row) => [name, ...columns.map((column) => column[row] ?? '')]),
  };
}
