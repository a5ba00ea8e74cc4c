import type { Command } from 'commander';
import { addGivenOptions, type GivenOptions } from '../given-options.ts';

/** The flags of `countersign rotate`. */
export interface RotateFlags extends GivenOptions {
  readonly target: string;
  readonly dryRun?: true;
  readonly newSecretFile?: string;
  readonly health?: readonly string[];
  readonly tokenEnv?: string;
  readonly verifier?: string;
  readonly replaces?: string;
  readonly compromised?: true;
  readonly pollSeconds?: string;
  readonly waitSeconds?: string;
  readonly overlapSeconds?: string;
  readonly waitOverlapSeconds?: string;
  readonly audit?: string;
  readonly actor?: string;
  readonly wait?: true;
  readonly drop?: true;
  readonly quiet?: string;
  readonly timeout?: string;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  countersign rotate polyai --target /run/secrets/polyai.json --option endpointId=whe_9Z --option-env apiKey=POLYAI_API_KEY --dry-run
  countersign rotate polyai --target /run/secrets/polyai.json --option endpointId=whe_9Z --option-env apiKey=POLYAI_API_KEY --health http://10.0.0.4:3000/health http://10.0.0.5:3000/health --drop
  countersign rotate stripe --target /run/secrets/stripe.json --option endpointId=we_1M --option connect=false --option-env apiKey=STRIPE_API_KEY --audit /var/log/rotation.jsonl
  countersign rotate shopify --target /run/secrets/shopify.json`;

/** Adds the flags, their help and examples. */
export function addRotateFlags(command: Command): Command {
  const withFlags = command
    .requiredOption(
      '--target <FILE>',
      'the JSON file that receivers load; it contains the secret that signs now',
    )
    .option('--dry-run', 'print the plan and change nothing')
    .option(
      '--new-secret-file <FILE>',
      'for steps by hand: the file into which you write the new secret (default: it is asked for, without an echo)',
    )
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
      "how long the old secret is accepted after the vendor has stopped using it, or how long both endpoints deliver (default: the vendor's)",
    )
    .option(
      '--wait-overlap-seconds <N>',
      'the longest wait while both endpoints deliver, if a second one is made; a later run does the rest (default: 600)',
    )
    .option('--audit <FILE>', 'append a line of JSON that says who rotated what, and how it ended')
    .option('--actor <NAME>', 'who rotates, for the audit (default: your user)')
    .option('--wait', 'with --health: afterwards wait until the old secret may go')
    .option('--drop', 'with --health: the same, then remove it from the target')
    .option(
      '--quiet <SECONDS>',
      'how long the old secret must be unused before it may go (default: as long as the sender can still send deliveries signed with it)',
    )
    .option('--timeout <SECONDS>', 'the longest wait for that (default: no limit)')
    .option('--json', 'print the report as JSON');
  return addGivenOptions(withFlags, 'vendor').addHelpText('after', EXAMPLES);
}
