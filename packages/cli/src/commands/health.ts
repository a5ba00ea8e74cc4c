import { setTimeout as pause } from 'node:timers/promises';
import type { DropReport, FleetInstance } from '@countersign/rotation';
import type { Command } from 'commander';
import { spanText } from '../catalogue/delivery-facts.ts';
import { CommandError, EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { variableOf } from '../given-options.ts';
import { chooseVerifier } from '../health/choose-verifier.ts';
import { dropSecret, ownerOf, StillInUse } from '../health/drop-secret.ts';
import { type EndpointState, type KeyUse, viewEndpoints } from '../health/endpoint-state.ts';
import { fetchReports, type Reports, silentError } from '../health/fetch-reports.ts';
import { quietSecondsOf } from '../health/quiet-seconds.ts';
import { waitNotes } from '../health/wait-notes.ts';
import { createOutput, type Output, visible } from '../output.ts';
import { readUrl } from '../signing/sign-request.ts';

interface HealthOptions {
  readonly tokenEnv?: string;
  readonly quiet?: string;
  readonly wait?: true;
  readonly timeout?: string;
  readonly verifier?: string;
  readonly drop?: true;
  readonly target?: string;
  readonly json?: true;
}

const ASK_EVERY_MS = 2000;

/** `countersign health URL…`: every instance's keys side by side. */
export function addHealth(program: Command, console: Console, done: (exitCode: number) => void): void {
  program
    .command('health')
    .summary("every instance's keys side by side: may the old secret go?")
    .description(
      'Reads the health of every instance (the URL of its healthHandler), and shows the keys side by side: which instance has which key, which still match the old one, and whether it may go. Exit code 1 if the instances differ or the previous secret is still in use, 2 if an instance does not respond.',
    )
    .argument('<urls...>', 'the URL of the health handler of each instance')
    .option('--token-env <NAME>', 'the environment variable with the token that the handlers ask for')
    .option(
      '--quiet <SECONDS>',
      'how long the previous secret must be unused (default: as long as the sender can still send deliveries signed with it)',
    )
    .option('--verifier <NAME>', 'the only verifier that counts; every instance must have it (default: all)')
    .option('--wait', 'ask again until the previous secret may go, or there is none')
    .option('--timeout <SECONDS>', 'with --wait: the longest time to wait (default: no limit)')
    .option('--drop', 'then remove the previous secret from the file after --target')
    .option('--target <FILE>', 'with --drop: the JSON file that the instances load')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  countersign health http://10.0.0.4:3000/health http://10.0.0.5:3000/health --token-env HEALTH_TOKEN\n  countersign health http://localhost:3000/health --wait && echo "remove the old secret"\n  countersign health http://10.0.0.4:3000/health http://10.0.0.5:3000/health --wait --drop --target /run/secrets/stripe.json',
    )
    .action(async (texts: string[], options: HealthOptions) => {
      const ended = await carryOut(readOptions(texts, options, console));
      const { seen, dropped } = ended;
      const output = createOutput(console);
      if (options.json === true) output.json(asJson(ended));
      else {
        show(output, seen);
        if (dropped !== undefined && 'outcome' in dropped)
          output.text(output.style('green', dropped.message));
      }
      if (seen.silent.length > 0) throw silentError(seen.silent);
      if (dropped instanceof Error) throw dropped;
      done(dropped !== undefined || seen.endpoints.every(isDone) ? EXIT.ok : EXIT.no);
    });
}

interface Asked {
  readonly urls: readonly string[];
  readonly token: string | undefined;
  readonly quiet: (scheme: string) => number;
  readonly verifier: string | undefined;
  /** The path of the file from which the previous secret is removed. */
  readonly target: string | undefined;
  /** Zero: it asks once. */
  readonly waitMs: number;
  readonly console: Console;
}

function readOptions(texts: readonly string[], options: HealthOptions, console: Console): Asked {
  const { tokenEnv, verifier, wait, timeout, drop, target } = options;
  if ((drop === true) !== (target !== undefined))
    throw new CommandError(
      drop === true
        ? '--drop needs --target FILE, the file from which the previous secret is removed.'
        : '--target names the file for --drop. Add --drop, or remove --target.',
    );
  const quiet = options.quiet === undefined ? undefined : readSeconds(options.quiet, '--quiet');
  const seconds = timeout === undefined ? Number.POSITIVE_INFINITY : readSeconds(timeout, '--timeout');
  return {
    urls: texts.map((text) => readUrl(text, 'Each argument').href),
    token: tokenEnv === undefined ? undefined : variableOf(console, tokenEnv, '--token-env'),
    quiet: (scheme) => quiet ?? quietSecondsOf(scheme),
    waitMs: wait === true ? seconds * 1000 : 0,
    ...{ verifier, target, console },
  };
}

interface Seen extends Reports {
  readonly endpoints: readonly EndpointState[];
}

interface Ended {
  readonly seen: Seen;
  /** With `--drop`: what was removed, or why nothing was. */
  readonly dropped?: DropReport | StillInUse;
}

/** Asks, and waits and removes the previous secret if it shall. Says what it waits for whenever that changes. */
async function carryOut(asked: Asked): Promise<Ended> {
  const startedAt = performance.now();
  const note = waitNotes(asked.console);
  for (;;) {
    const ended = await tryOnce(asked);
    const waits = waitsOf(ended);
    const leftMs = asked.waitMs - (performance.now() - startedAt);
    if (waits === '' || leftMs <= 0) return ended;
    note(waits);
    await pause(Math.min(ASK_EVERY_MS, leftMs));
  }
}

async function tryOnce(asked: Asked): Promise<Ended> {
  const { urls, token, quiet, target } = asked;
  const reports = await fetchReports(urls, token);
  const { instances, silent } = reports;
  const isAlone = target !== undefined && instances.length > 0;
  const verifier = isAlone ? chooseVerifier(instances, asked.verifier) : asked.verifier;
  const seen = { ...reports, endpoints: await viewEndpoints(reports, quiet, verifier) };
  const [endpoint] = seen.endpoints;
  if (target === undefined || silent.length > 0 || endpoint === undefined) return { seen };
  const { name, scheme } = endpoint;
  const vendor = ownerOf(scheme, name);
  if (!isDone(endpoint))
    return { seen, dropped: new StillInUse(`The previous secret stays in ${target}. ${endpoint.message}`) };
  const options = { urls, token, target, vendor, verifier: name, unusedSeconds: quiet(scheme) };
  try {
    return { seen, dropped: await dropSecret(options) };
  } catch (error) {
    if (error instanceof StillInUse) return { seen, dropped: error };
    throw error;
  }
}

/** What is not done yet. Empty if everything is. */
function waitsOf({ seen: { silent, endpoints }, dropped }: Ended): string {
  const open = endpoints.filter((endpoint) => !isDone(endpoint));
  const waits = [
    ...silent.map(({ url, reason }) => `${url}: ${reason}`),
    ...open.map(({ name, message }) => `${name}: ${message}`),
    // The file may be newer than what the instances have loaded.
    ...(dropped instanceof StillInUse && open.length === 0 ? [dropped.message] : []),
  ];
  return dropped !== undefined && 'outcome' in dropped ? '' : waits.join(' ');
}

function isDone({ verdict }: EndpointState): boolean {
  return verdict === 'settled' || verdict === 'may-go';
}

function show(output: Output, { endpoints, silent }: Seen): void {
  for (const { name, scheme, instances, keys, verdict, message, warnings } of endpoints) {
    output.line(output.style('bold', visible(name === scheme ? name : `${name} (${scheme})`)));
    const rows = instances.map((one, at) => [visible(one.name), instanceText(one, keys, at)]);
    output.table(rows, 2);
    output.text(
      output.style(verdict === 'settled' || verdict === 'may-go' ? 'green' : 'yellow', visible(message)),
      2,
    );
    for (const warning of warnings) output.text(visible(warning), 2, 2);
    output.line();
  }
  for (const { url, reason } of silent) output.text(output.style('red', visible(`${url}: ${reason}`)));
}

function instanceText(one: FleetInstance, keys: EndpointState['keys'], at: number): string {
  if (one.state === 'unknown') return visible(one.why);
  return keys.map(({ id, uses }) => visible(`${id} ${useText(uses[at])}`)).join('\n');
}

function useText(use: KeyUse | undefined): string {
  if (use === undefined) return 'missing';
  const { role, matches, lastMatchAt, unusedSeconds } = use;
  if (lastMatchAt === undefined) return `${role}, no match yet`;
  return `${role}, ${matches} ${matches === 1 ? 'match' : 'matches'}, the last one ${spanText(unusedSeconds ?? 0)} ago`;
}

function asJson({ seen: { instances, endpoints, silent }, dropped }: Ended): unknown {
  return {
    done: silent.length === 0 && endpoints.every(isDone) && !(dropped instanceof Error),
    instances: instances.map(({ url, instance, time }) => ({ url, instance, time })),
    unreachable: silent,
    endpoints: endpoints.map(({ name, scheme, keys, verdict, message }) => ({
      ...{ name, scheme, verdict, message },
      keys: keys.map(({ id, roles, uses }) => ({ id, roles, uses: uses.map((use) => use ?? null) })),
    })),
    ...(dropped === undefined ? {} : { drop: dropAsJson(dropped) }),
  };
}

function dropAsJson(dropped: DropReport | StillInUse): unknown {
  if (dropped instanceof Error) return { outcome: 'refused', message: dropped.message };
  const { outcome, dropped: ids, message } = dropped;
  return { outcome, dropped: ids, message };
}

function readSeconds(text: string, flag: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CommandError(`${flag} must be a number of seconds.`);
}
