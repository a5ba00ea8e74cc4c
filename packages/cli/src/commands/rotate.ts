import { isWebhookError } from '@countersign/core';
import {
  askInTerminal,
  fileTarget,
  guidedSenders,
  isRotationError,
  type RotateOptions as LibraryOptions,
  type RotationPlan,
  type RotationReport,
  rotate,
} from '@countersign/rotation';
import type { Command } from 'commander';
import { CommandError, EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { readGivenOptions, variableOf } from '../given-options.ts';
import { createOutput, type Output } from '../output.ts';
import { askInstances, type Instances } from '../rotation/instances-health.ts';
import {
  type OldSecret,
  type OldSecretOptions,
  verifierOf,
  waitForOldSecret,
} from '../rotation/old-secret.ts';
import { addRotateFlags, type RotateFlags } from '../rotation/rotate-flags.ts';
import { isCredential, isGuided, makeGuided, makeVendor, vendorNames } from '../rotation/vendor-options.ts';
import { readUrl } from '../signing/sign-request.ts';

/** `countersign rotate <vendor> --target FILE`: rotates a secret at the vendor and in the file that receivers load. */
export function addRotate(program: Command, console: Console, done: (exitCode: number) => void): void {
  const command = program
    .command('rotate')
    .summary('rotates a secret at the vendor and in the file that receivers load')
    .description(
      'Rotates a signing secret: at the vendor, and in the file that receivers load with fileSecrets(). If it is stopped, run it again: it finishes what was begun. If the vendor has no call for it, each step is shown, and you carry it out.',
    )
    .argument(
      '<vendor>',
      `one of: ${vendorNames().join(', ')}; by hand, step by step: ${guidedSenders.join(', ')}`,
    );
  addRotateFlags(command).action(async (name: string, flags: RotateFlags) => {
    const output = createOutput(console);
    const { library, old } = await readFlags(name, flags, console);
    const ended = await interruptible(async (signal) => {
      const onStep: LibraryOptions['onStep'] = ({ step, message }) => {
        if (flags.json !== true) output.text(`${output.style('dim', step.padEnd(11))} ${message}`, 0, 12);
      };
      const report = await rotate({ ...library, onStep, signal });
      if (flags.json !== true) show(output, report);
      if (old === undefined || report.outcome === 'planned') return { report };
      return { report, old: await waitForOldSecret(report, { ...old, signal }, console) };
    });
    if (flags.json === true) output.json(asJson(ended));
    else if (ended.old !== undefined)
      output.text(output.style(ended.old.exitCode === EXIT.ok ? 'green' : 'yellow', ended.old.message));
    done(ended.old?.exitCode ?? EXIT.ok);
  });
}

interface Read {
  readonly library: LibraryOptions;
  /** With `--wait` or `--drop`. */
  readonly old: OldSecretOptions | undefined;
}

async function readFlags(name: string, flags: RotateFlags, console: Console): Promise<Read> {
  const { target, verifier, audit, actor } = flags;
  const vendor = readVendor(name, flags, console);
  const instances = await readInstances(vendor, flags, console);
  const { quietSeconds: quiet, timeoutSeconds: timeout } = readWait(flags, instances);
  const trail = { ...(audit === undefined ? {} : { audit }), ...(actor === undefined ? {} : { actor }) };
  const library = { ...libraryOptions(vendor, flags, instances), ...trail };
  if (instances === undefined || (flags.wait !== true && flags.drop !== true))
    return { library, old: undefined };
  const old = {
    ...{ vendor, instances, verifier, target, quiet, timeout, drop: flags.drop === true },
    ...trail,
  };
  // Said before anything is changed.
  verifierOf(old);
  return { library, old };
}

function readVendor(name: string, flags: RotateFlags, console: Console): LibraryOptions['vendor'] {
  for (const text of flags.option ?? []) {
    const option = text.split('=', 1)[0] ?? '';
    if (isCredential(option))
      throw new CommandError(
        `"${option}" is a credential, and other users of this machine can see the command line. Put it into an environment variable and write --option-env ${option}=VARIABLE.`,
      );
  }
  const given = readGivenOptions(flags, console);
  const { newSecretFile } = flags;
  if (!isGuided(name)) {
    const vendor = makeVendor(name, given);
    if (newSecretFile === undefined) return vendor;
    throw new CommandError(
      `--new-secret-file is for vendors whose steps you carry out yourself (${guidedSenders.join(', ')}). ${vendor.name} returns its new secret. Remove the flag.`,
    );
  }
  const ask = askInTerminal({
    input: console.stdin,
    output: console.stderr,
    ...(newSecretFile === undefined ? {} : { secretFile: newSecretFile }),
  });
  return makeGuided(name, given, ask);
}

async function readInstances(
  vendor: LibraryOptions['vendor'],
  { health, tokenEnv, verifier }: RotateFlags,
  console: Console,
): Promise<Instances | undefined> {
  const token = tokenEnv === undefined ? undefined : variableOf(console, tokenEnv, '--token-env');
  const urls = health?.map((url) => readUrl(url, '--health').href);
  return urls === undefined ? undefined : askInstances(urls, { token, verifier, vendor: vendor.name });
}

function readWait({ wait, drop, quiet, timeout }: RotateFlags, instances: Instances | undefined) {
  const flag = drop === true ? '--drop' : wait === true ? '--wait' : undefined;
  if (flag !== undefined && instances === undefined)
    throw new CommandError(
      `${flag} needs --health URL…: only the instances know whether the old secret is still used.`,
    );
  if (flag === undefined && (quiet ?? timeout) !== undefined)
    throw new CommandError('--quiet and --timeout are for --wait and --drop. Add one of them.');
  return {
    quietSeconds: quiet === undefined ? undefined : readNumber(quiet, '--quiet'),
    timeoutSeconds: timeout === undefined ? undefined : readNumber(timeout, '--timeout'),
  };
}

function libraryOptions(
  vendor: LibraryOptions['vendor'],
  flags: RotateFlags,
  instances: Instances | undefined,
): LibraryOptions {
  const seconds = (
    name: 'pollSeconds' | 'waitSeconds' | 'overlapSeconds' | 'waitOverlapSeconds',
    flag: string,
  ) => (flags[name] === undefined ? {} : { [name]: readNumber(flags[name], flag) });
  const { target, dryRun, compromised, replaces } = flags;
  return {
    vendor,
    target: fileTarget(target),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(compromised === undefined ? {} : { compromised }),
    ...(replaces === undefined ? {} : { replaces: /^\d{1,2}$/.test(replaces) ? Number(replaces) : replaces }),
    ...seconds('pollSeconds', '--poll-seconds'),
    ...seconds('waitSeconds', '--wait-seconds'),
    ...seconds('overlapSeconds', '--overlap-seconds'),
    ...seconds('waitOverlapSeconds', '--wait-overlap-seconds'),
    ...(instances === undefined ? {} : { health: instances.health }),
  };
}

/** Runs it so that Ctrl+C stops it as long as the vendor has not been called, and while it waits. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  // Once: a second Ctrl+C ends the process, as always.
  process.once('SIGINT', interrupt);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw isRotationError(error) || isWebhookError(error) ? new CommandError(error.message) : error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

function show(output: Output, ended: RotationReport | RotationPlan): void {
  if (ended.outcome !== 'planned') {
    output.text(output.style('green', ended.message));
    if (ended.check.state !== 'passed')
      output.text(output.style('yellow', `Not checked: ${ended.check.message}`));
    return;
  }
  const { vendor, endpointId } = ended;
  // A webhook whose steps are carried out by hand has no id, unless it was given a name.
  const webhook = endpointId === vendor ? vendor : `${vendor} ${endpointId}`;
  output.text(
    `A run would rotate ${ended.replaces === '' ? 'nothing' : `the key ${ended.replaces}`} of ${webhook} in ${ended.target}. Nothing was changed.`,
  );
  for (const [index, step] of ended.steps.entries()) output.text(`${index + 1}. ${step}`, 2, 3);
}

function asJson({ report, old }: { report: RotationReport | RotationPlan; old?: OldSecret }): unknown {
  if (old === undefined) return report;
  const { message, exitCode, drop } = old;
  const state = drop?.outcome ?? (exitCode === EXIT.ok ? 'may-go' : 'stays');
  return { ...report, oldSecret: { state, message, dropped: drop?.dropped ?? [] } };
}

function readNumber(text: string, flag: string): number {
  if (/^\d{1,9}(?:\.\d{1,3})?$/.test(text)) return Number(text);
  throw new CommandError(`${flag} must be a number of seconds.`);
}
