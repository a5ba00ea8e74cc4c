import { isWebhookError } from '@countersign/core';
import {
  fileTarget,
  isRotationError,
  type RotateOptions as LibraryOptions,
  type RotationPlan,
  type RotationReport,
  rotate,
} from '@countersign/rotation';
import type { Command } from 'commander';
import { CommandError, EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { addGivenOptions, type GivenOptions, readGivenOptions, variableOf } from '../given-options.ts';
import { createOutput, type Output } from '../output.ts';
import { instancesHealth } from '../rotation/instances-health.ts';
import { isCredential, makeVendor, vendorNames } from '../rotation/vendor-options.ts';
import { readUrl } from '../signing/sign-request.ts';

interface RotateOptions extends GivenOptions {
  readonly target: string;
  readonly dryRun?: true;
  readonly health?: readonly string[];
  readonly tokenEnv?: string;
  readonly verifier?: string;
  readonly replaces?: string;
  readonly compromised?: true;
  readonly pollSeconds?: string;
  readonly waitSeconds?: string;
  readonly overlapSeconds?: string;
  readonly json?: true;
}

/** `countersign rotate <vendor> --target FILE`: rotates a secret at the vendor and in the file that receivers load. */
export function addRotate(program: Command, console: Console, done: (exitCode: number) => void): void {
  const command = program
    .command('rotate')
    .summary('rotates a secret at the vendor and in the file that receivers load')
    .description(
      'Rotates a signing secret: at the vendor, and in the file that receivers load with fileSecrets(). If it is stopped, run it again: it finishes what was begun.',
    )
    .argument('<vendor>', `one of: ${vendorNames().join(', ')}`)
    .requiredOption(
      '--target <FILE>',
      'the JSON file that receivers load; it contains the secret that signs now',
    )
    .option('--dry-run', 'print the plan and change nothing')
    .option(
      '--health <URLS...>',
      'the health handlers of all instances: then each step waits only as long as needed',
    )
    .option('--token-env <NAME>', 'the environment variable with the token of the health handlers')
    .option('--verifier <NAME>', 'which verifier in their reports loads the target (default: the only one)')
    .option('--replaces <POSITION|ID>', 'which of several current secrets is replaced')
    .option('--compromised', 'the secret has leaked: drop it at once')
    .option('--poll-seconds <N>', 'how often instances look for a new set (default: 30)')
    .option('--wait-seconds <N>', 'the longest wait for the instances (default: four poll periods)')
    .option(
      '--overlap-seconds <N>',
      "how long the old secret is accepted after the vendor has stopped using it (default: the vendor's)",
    )
    .option('--json', 'print the report as JSON');
  addGivenOptions(command, 'vendor')
    .addHelpText(
      'after',
      '\nExamples:\n  countersign rotate polyai --target /run/secrets/polyai.json --option endpointId=whe_9Z --option-env apiKey=POLYAI_API_KEY --dry-run\n  countersign rotate polyai --target /run/secrets/polyai.json --option endpointId=whe_9Z --option-env apiKey=POLYAI_API_KEY --health http://10.0.0.4:3000/health http://10.0.0.5:3000/health',
    )
    .action(async (name: string, options: RotateOptions) => {
      const output = createOutput(console);
      const vendor = makeVendor(name, readVendorOptions(options, console));
      const library = await libraryOptions(vendor, options, console);
      const ended = await run({
        ...library,
        onStep: ({ step, message }) => {
          if (options.json !== true) output.text(`${output.style('dim', step.padEnd(11))} ${message}`, 0, 12);
        },
      });
      if (options.json === true) output.json(ended);
      else show(output, ended);
      done(EXIT.ok);
    });
}

function readVendorOptions(options: RotateOptions, console: Console): Record<string, string> {
  for (const text of options.option ?? []) {
    const name = text.split('=', 1)[0] ?? '';
    if (isCredential(name))
      throw new CommandError(
        `"${name}" is a credential, and other users of this machine can see the command line. Put it into an environment variable and write --option-env ${name}=VARIABLE.`,
      );
  }
  return readGivenOptions(options, console);
}

async function libraryOptions(
  vendor: LibraryOptions['vendor'],
  options: RotateOptions,
  console: Console,
): Promise<LibraryOptions> {
  const seconds = (name: 'pollSeconds' | 'waitSeconds' | 'overlapSeconds', flag: string) =>
    options[name] === undefined ? {} : { [name]: readNumber(options[name], flag) };
  const { target, dryRun, compromised, replaces, health, tokenEnv, verifier } = options;
  const token = tokenEnv === undefined ? undefined : variableOf(console, tokenEnv, '--token-env');
  const urls = health?.map((url) => readUrl(url, '--health').href);
  return {
    vendor,
    target: fileTarget(target),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(compromised === undefined ? {} : { compromised }),
    ...(replaces === undefined ? {} : { replaces: /^\d{1,2}$/.test(replaces) ? Number(replaces) : replaces }),
    ...seconds('pollSeconds', '--poll-seconds'),
    ...seconds('waitSeconds', '--wait-seconds'),
    ...seconds('overlapSeconds', '--overlap-seconds'),
    ...(urls === undefined
      ? {}
      : { health: await instancesHealth(urls, { token, verifier, vendor: vendor.name }) }),
  };
}

/** Runs it so that Ctrl+C stops it as long as the vendor has not been called. */
async function run(options: LibraryOptions): Promise<RotationReport | RotationPlan> {
  const controller = new AbortController();
  const interrupt = () => controller.abort();
  // Once: a second Ctrl+C ends the process, as always.
  process.once('SIGINT', interrupt);
  try {
    return await rotate({ ...options, signal: controller.signal });
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
  output.text(
    `A run would rotate ${ended.replaces === '' ? 'nothing' : `the key ${ended.replaces}`} of ${ended.vendor} ${ended.endpointId} in ${ended.target}. Nothing was changed.`,
  );
  for (const [index, step] of ended.steps.entries()) output.text(`${index + 1}. ${step}`, 2, 3);
}

function readNumber(text: string, flag: string): number {
  if (/^\d{1,9}(?:\.\d{1,3})?$/.test(text)) return Number(text);
  throw new CommandError(`${flag} must be a number of seconds.`);
}
