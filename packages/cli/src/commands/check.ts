import { readFileSync, writeFileSync } from 'node:fs';
import type { DefinedScheme, Scheme, SecretInput, SecretSetInput } from '@countersign/core';
import { suggest } from '@countersign/core/extend';
import type { Command } from 'commander';
import { type CheckReport, runCheck } from '../check/check.ts';
import type { Pair } from '../check/delivery.ts';
import { junitReport } from '../check/junit.ts';
import { countVerdicts, jsonReport } from '../check/report.ts';
import type { Row } from '../check/row.ts';
import { ROWS } from '../check/rows/index.ts';
import { openRunCounter } from '../check/run-counter.ts';
import { resolveTarget, type Target } from '../check/target.ts';
import { printReport } from '../check/text-report.ts';
import { CommandError, EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { createOutput } from '../output.ts';
import { addSecretOptions, readSecrets, type SecretOptions } from '../secrets.ts';
import { addSenderArgument, findScheme, readSenderOptions, type SenderOptions } from '../sender.ts';

interface CheckFlags extends SenderOptions, SecretOptions {
  readonly to: string;
  readonly ran?: string;
  readonly allowHost?: readonly string[];
  readonly body?: string;
  readonly failBody?: string;
  readonly header?: readonly string[];
  readonly settle: string;
  readonly timeout: string;
  readonly budget: string;
  readonly only?: readonly string[];
  readonly json?: boolean;
  readonly junit?: string;
}

/** `countersign check <sender> --to URL`: what a receiver gets wrong, in any language. */
export function addCheck(program: Command, console: Console, done: (exitCode: number) => void): void {
  const append = (value: string, list: readonly string[] | undefined) => [...(list ?? []), value];
  const command = program
    .command('check')
    .description('checks a receiver from outside, in any language: sends it real deliveries and forgeries')
    .requiredOption('--to <URL>', 'the receiver')
    .option(
      '--ran <FILE|URL>',
      'counts the runs of the handler: a file that grows by a line for each, or a URL that returns the number',
    )
    .option(
      '--allow-host <NAME>',
      'sends to this host, which is not on this machine or in a private network',
      append,
    )
    .option('--body <FILE>', 'a body that the handler knows; each delivery gets an id of its own')
    .option('--fail-body <FILE>', 'a body with which the handler fails')
    .option(
      '--header <"Name: value">',
      "a header that the sender doesn't sign, such as the name of the event",
      append,
    )
    .option(
      '--settle <MS>',
      'how long to wait for a run that must not happen, in milliseconds; longer if runs are seen to be late',
      '60',
    )
    .option('--timeout <MS>', 'how long to wait for an answer, in milliseconds', '10500')
    .option(
      '--budget <MS>',
      'how long the check may take, in milliseconds; what is left then is not judged',
      '50000',
    )
    .option('--only <ROW>', 'judges only this row, after "genuine"; repeat it for several', append)
    .option('--json', 'prints the report as JSON')
    .option('--junit <FILE>', 'writes the report as JUnit XML, too')
    .addHelpText(
      'after',
      '\nIt makes real deliveries, with ids that begin with "check_", and your handler handles them: use a receiver for tests.\nExit codes: 0 no fault, 1 faults, 2 the check could not run.',
    );
  addSecretOptions(addSenderArgument(command)).action(async (name: string, flags: CheckFlags) => {
    done(await check(name, flags, console));
  });
}

async function check(name: string, flags: CheckFlags, console: Console): Promise<number> {
  const scheme = definedScheme(findScheme(name, readSenderOptions(flags, console)));
  const allowed = flags.allowHost ?? [];
  const target = await resolveTarget('--to', flags.to, allowed);
  const isPublicKey = 'publicKey' in scheme.definition.secret;
  const secrets = isPublicKey ? undefined : await readSecrets(flags, console);
  const countRuns = flags.ran === undefined ? undefined : await openRunCounter(flags.ran, allowed);
  const output = createOutput(console);
  if (flags.json !== true) introduce(scheme, target, console);
  const progress = createProgress(console);
  const report = await runCheck({
    scheme,
    secret: textOf(secrets?.current, 'current'),
    previous: textOf(secrets?.previous, 'previous'),
    target,
    publicUrl: flags.publicUrl,
    countRuns,
    body: readText(flags.body, '--body'),
    failBody: readText(flags.failBody, '--fail-body'),
    headers: (flags.header ?? []).map(readHeader),
    patience: {
      settleMs: readMilliseconds('--settle', flags.settle),
      timeoutMs: readMilliseconds('--timeout', flags.timeout),
      budgetMs: readMilliseconds('--budget', flags.budget),
    },
    rows: chosenRows(flags.only),
    onRow: (row, index) => progress.show(`${index + 1}/${ROWS.length} ${row.name}`),
  });
  progress.end();
  if (flags.junit !== undefined) writeReport(flags.junit, report);
  if (flags.json === true) output.json(jsonReport(report));
  else printReport(report, output);
  return countVerdicts(report).fault > 0 ? EXIT.no : EXIT.ok;
}

function introduce({ name }: Scheme, { shown }: Target, { stderr }: Console): void {
  stderr.write(
    `Checking ${shown} as ${name}. Real deliveries with ids that begin with "check_" are sent, and the handler handles them.\n`,
  );
}

/** One line that is written over and over on a terminal, and nothing elsewhere. */
function createProgress({ stderr }: Console): { show(text: string): void; end(): void } {
  if (stderr.isTTY !== true) return { show: () => undefined, end: () => undefined };
  return {
    show: (text) => void stderr.write(`\r\u001b[K${text}`),
    end: () => void stderr.write('\r\u001b[K'),
  };
}

function definedScheme(scheme: Scheme): DefinedScheme {
  if ('definition' in scheme) return scheme as DefinedScheme;
  throw new CommandError(
    `A check of "${scheme.name}" is not possible: its deliveries carry tokens that only the sender can make. Send one from the sender's dashboard instead.`,
  );
}

function textOf(input: SecretSetInput['current'] | undefined, role: string): string | undefined {
  const first: SecretInput | undefined = Array.isArray(input) ? input[0] : (input as SecretInput | undefined);
  if (first === undefined || typeof first === 'string') return first;
  const secret = first instanceof Uint8Array ? first : first.secret;
  if (typeof secret === 'string') return secret;
  throw new CommandError(`The ${role} secret must be text for a check.`);
}

function readText(path: string | undefined, option: string): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`The file of ${option} can't be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function readHeader(text: string): Pair {
  const [, name, value] = /^([\w-]+):\s*([\x20-\x7e]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new CommandError('--header must be written as "Name: value".');
  return [name, value];
}

function chosenRows(only: readonly string[] | undefined): readonly Row[] {
  if (only === undefined) return ROWS;
  const names = ROWS.map(({ name }) => name);
  for (const name of only) {
    if (names.includes(name)) continue;
    const near = suggest(name, names);
    throw new CommandError(
      `There is no row "${name}". ${near === undefined ? 'docs/check.md lists all of them.' : `Did you mean "${near}"?`}`,
    );
  }
  // The first row finds out whether the others can be judged.
  return ROWS.filter(({ name }, index) => index === 0 || only.includes(name));
}

function readMilliseconds(option: string, text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new CommandError(`${option} must be a number of milliseconds.`);
  return Number(text);
}

function writeReport(path: string, report: CheckReport): void {
  try {
    writeFileSync(path, junitReport(report));
  } catch (error) {
    throw new CommandError(
      `The file of --junit can't be written (${(error as NodeJS.ErrnoException).code}).`,
    );
  }
}
