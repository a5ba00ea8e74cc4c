import type { DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { generateSigningKeys } from '@countersign/testing';
import { afterAll, expect, test } from 'vitest';
import { ROWS } from '../../packages/cli/src/check/rows/index.ts';
import { FAULTS } from './receivers/faults.ts';
import { OURS, type StartReceiver } from './receivers/ours.ts';
import { RIGHT } from './receivers/right.ts';
import { checked, faultsOf, fileIn, type JsonReport, withFolder } from './run-check.ts';

const schemeOf = (sender: string) =>
  (schemes as unknown as Record<string, () => DefinedScheme>)[sender]?.() as DefinedScheme;

/** What the checks of all receivers found. */
const figures = { planted: 0, found: 0, namedRightly: 0, right: 0, falseAlarms: 0, rows: 0 };

async function check(
  sender: string,
  start: StartReceiver,
  more: readonly string[] = [],
): Promise<JsonReport> {
  const keys = [1, 2].map(() => generateSigningKeys(schemeOf(sender)).signingSecret);
  const [secret = '', previous = ''] = keys;
  return withFolder(async (folder) => {
    const ran = `${folder}/ran`;
    const receiver = await start({ secret, previous, ran });
    try {
      const isForm = sender === 'twilio';
      const failBody = await fileIn(folder, 'fail', isForm ? 'note=please-fail' : '{"note":"please-fail"}');
      return await checked(sender, receiver.port, {
        secret,
        previous,
        ran,
        more: ['--fail-body', failBody, ...more],
      });
    } finally {
      await receiver.close();
    }
  });
}

/** Rows that send much. Receivers with a fault of another kind are spared them, so that this takes seconds; right ones are not. */
const HEAVY = ['flood', 'oversized'];

test.concurrent.each(
  FAULTS.map((fault) => [`${fault.host}, ${fault.sender}: ${fault.mistake}`, fault] as const),
)('%s', async (_name, { sender, start, row, consequences = [] }) => {
  const concerns = (name: string) =>
    name === row || consequences.some((each) => (typeof each === 'string' ? each === name : each.test(name)));
  const rows = ROWS.map(({ name }) => name).filter((name) => concerns(name) || !HEAVY.includes(name));
  const faults = faultsOf(
    await check(
      sender,
      start,
      rows.flatMap((name) => ['--only', name]),
    ),
  );
  figures.planted += 1;
  const others = Object.keys(faults).filter((name) => !concerns(name));
  if (row in faults) figures.found += 1;
  if (row in faults && others.length === 0) figures.namedRightly += 1;
  figures.falseAlarms += others.length;
  expect({
    named: row in faults ? row : faults,
    others: others.map((name) => `${name}: ${faults[name]}`),
  }).toEqual({ named: row, others: [] });
});

test.concurrent.each(
  RIGHT.map((right) => [`${right.host}, ${right.sender}: by hand, without a fault`, right] as const),
)('%s', async (_name, { sender, start }) => {
  const report = await check(sender, start);
  figures.right += 1;
  figures.rows += report.rows.length;
  figures.falseAlarms += report.summary.fault;
  expect(faultsOf(report)).toEqual({});
  expect(report.rows.filter(({ verdict }) => verdict === 'not judged').map(({ name }) => name)).toEqual([]);
});

/** Each adapter with two or three of the senders; test/check/catalogue.test.ts has all senders with one adapter. */
const PAIRS = [
  ['express', 'github'],
  ['express', 'stripe'],
  ['fastify', 'stripe'],
  ['fastify', 'twilio'],
  ['fastify', 'standardWebhooks'],
  ['koa', 'shopify'],
  ['koa', 'slack'],
  ['nestjs', 'slack'],
  ['nestjs', 'github'],
  ['fetch', 'standardWebhooks'],
  ['fetch', 'shopify'],
  ['fetch', 'twilio'],
] as const;

test.concurrent.each(PAIRS)('our receiver on %s, %s: no fault', async (host, sender) => {
  const start = OURS[host]?.(schemeOf(sender)) as StartReceiver;
  const report = await check(sender, start);
  figures.right += 1;
  figures.rows += report.rows.length;
  figures.falseAlarms += report.summary.fault;
  expect(faultsOf(report)).toEqual({});
  expect(report.rows.filter(({ verdict }) => verdict === 'not judged').map(({ name }) => name)).toEqual([]);
});

afterAll(() => {
  const { planted, found, namedRightly, right, rows, falseAlarms } = figures;
  process.stdout.write(
    `\ncountersign check: ${planted} faults planted, ${found} found, ${namedRightly} named rightly; ${right} receivers without a fault, ${rows} rows; ${falseAlarms} false alarms\n`,
  );
});
