import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { spanText } from '../catalogue/delivery-facts.ts';
import { CommandError, EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { variableOf } from '../given-options.ts';
import { fetchReports, type Reports, silentError } from '../health/fetch-reports.ts';
import { quietSecondsOf } from '../health/quiet-seconds.ts';
import { compareInstances, type EndpointState, type KeyUse } from '../health/rotation-state.ts';
import { createOutput, type Output, visible } from '../output.ts';
import { readUrl } from '../signing/sign-request.ts';

interface HealthOptions {
  readonly tokenEnv?: string;
  readonly quiet?: string;
  readonly wait?: true;
  readonly timeout?: string;
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
    .option('--wait', 'ask again until the previous secret may go, or there is none')
    .option('--timeout <SECONDS>', 'with --wait: the longest time to wait (default: no limit)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  countersign health http://10.0.0.4:3000/health http://10.0.0.5:3000/health --token-env HEALTH_TOKEN\n  countersign health http://localhost:3000/health --wait && echo "remove the old secret"',
    )
    .action(async (texts: string[], options: HealthOptions) => {
      const urls = texts.map((text) => readUrl(text, 'Each argument').href);
      const token =
        options.tokenEnv === undefined ? undefined : variableOf(console, options.tokenEnv, '--token-env');
      const quiet = options.quiet === undefined ? undefined : readSeconds(options.quiet, '--quiet');
      const ask = async (): Promise<Seen> => {
        const reports = await fetchReports(urls, token);
        return {
          ...reports,
          endpoints: compareInstances(reports.instances, (scheme) => quiet ?? quietSecondsOf(scheme)),
        };
      };
      let seen = await ask();
      if (options.wait === true) {
        const limit =
          options.timeout === undefined
            ? Number.POSITIVE_INFINITY
            : readSeconds(options.timeout, '--timeout');
        seen = await waitFor(seen, ask, limit, console);
      }
      const output = createOutput(console);
      if (options.json === true) output.json(asJson(seen));
      else show(output, seen);
      if (seen.silent.length > 0) throw silentError(seen.silent);
      done(seen.endpoints.every(isDone) ? EXIT.ok : EXIT.no);
    });
}

interface Seen extends Reports {
  readonly endpoints: readonly EndpointState[];
}

function isDone({ verdict }: EndpointState): boolean {
  return verdict === 'settled' || verdict === 'may-go';
}

/** Asks until everything is done. Says what it waits for whenever that changes. */
async function waitFor(
  first: Seen,
  ask: () => Promise<Seen>,
  limitSeconds: number,
  { stderr }: Console,
): Promise<Seen> {
  const startedAt = performance.now();
  let said = '';
  for (let seen = first; ; seen = await ask()) {
    if (seen.silent.length === 0 && seen.endpoints.every(isDone)) return seen;
    const waits = [
      ...seen.silent.map(({ url, reason }) => `${url}: ${reason}`),
      ...seen.endpoints
        .filter((endpoint) => !isDone(endpoint))
        .map(({ name, message }) => `${name}: ${message}`),
    ].join(' ');
    if (waits !== said) stderr.write(`${visible(`Waiting. ${waits}`)}\n`);
    said = waits;
    const left = limitSeconds * 1000 - (performance.now() - startedAt);
    if (left <= 0) return seen;
    await pause(Math.min(ASK_EVERY_MS, left));
  }
}

function show(output: Output, { instances, endpoints, silent }: Seen): void {
  for (const { name, scheme, keys, verdict, message } of endpoints) {
    const having = instances.filter(({ verifiers }) => verifiers[name] !== undefined);
    output.line(output.style('bold', visible(name === scheme ? name : `${name} (${scheme})`)));
    const rows = having.map(({ instance }, at) => [
      visible(instance),
      keys.map(({ id, uses }) => visible(`${id} ${useText(uses[at])}`)).join('\n'),
    ]);
    output.table(rows, 2);
    output.text(
      output.style(verdict === 'settled' || verdict === 'may-go' ? 'green' : 'yellow', visible(message)),
      2,
    );
    const warnings = new Set(having.flatMap(({ verifiers }) => verifiers[name]?.warnings ?? []));
    for (const warning of warnings) output.text(visible(warning), 2, 2);
    output.line();
  }
  for (const { url, reason } of silent) output.text(output.style('red', visible(`${url}: ${reason}`)));
}

function useText(use: KeyUse | undefined): string {
  if (use === undefined) return 'missing';
  const { role, matches, lastMatchAt, unusedSeconds } = use;
  if (lastMatchAt === undefined) return `${role}, no match yet`;
  return `${role}, ${matches} ${matches === 1 ? 'match' : 'matches'}, the last one ${spanText(unusedSeconds ?? 0)} ago`;
}

function asJson({ instances, endpoints, silent }: Seen): unknown {
  return {
    done: silent.length === 0 && endpoints.every(isDone),
    instances: instances.map(({ url, instance, time }) => ({ url, instance, time })),
    unreachable: silent,
    endpoints: endpoints.map(({ keys, ...endpoint }) => ({
      ...endpoint,
      keys: keys.map(({ id, roles, uses }) => ({ id, roles, uses: uses.map((use) => use ?? null) })),
    })),
  };
}

function readSeconds(text: string, flag: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CommandError(`${flag} must be a number of seconds.`);
}
