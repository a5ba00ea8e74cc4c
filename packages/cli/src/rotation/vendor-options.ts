import { isWebhookError } from '@countersign/core';
import { suggest } from '@countersign/core/extend';
import { type Ask, guided, guidedSenders, type RotateOptions, vendors } from '@countersign/rotation';
import { CommandError } from '../command-error.ts';
import { kebab, plain } from '../sender.ts';

type MakeVendor = (options: unknown) => RotateOptions['vendor'];

/** Every vendor whose secrets can be rotated, by its name in code. */
const VENDORS = vendors as unknown as Readonly<Record<string, MakeVendor>>;

/** Options that only their owner may know, by their names. */
const CREDENTIAL =
  /(?:apikey|token|password|passphrase|privatekey|accesskey|credentials?|clientsecret|consumerkey|consumersecret)$/i;

/** The vendors that have an API, as the command line writes them. */
export function vendorNames(): readonly string[] {
  return Object.keys(VENDORS).map(kebab);
}

/** Whether a person carries out the steps at this vendor. */
export function isGuided(name: string): boolean {
  return guidedNamed(name) !== undefined;
}

function guidedNamed(name: string): (typeof guidedSenders)[number] | undefined {
  return guidedSenders.find((each) => plain(each) === plain(name));
}

/**
 * Makes a vendor whose steps a person carries out.
 *
 * @throws CommandError if an option is none.
 */
export function makeGuided(
  name: string,
  given: Readonly<Record<string, string>>,
  ask: Ask,
): RotateOptions['vendor'] {
  const sender = guidedNamed(name);
  if (sender === undefined) throw unknownVendor(name);
  const { endpointId, ...others } = given;
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new CommandError(
      `"${other}" is not an option of ${sender}. It has one: --option endpointId=NAME, what messages and the audit call the webhook.`,
    );
  return guided({ sender, ask, ...(endpointId === undefined ? {} : { endpointId }) });
}

/**
 * Makes a vendor of texts: `true` and `false` become booleans, and numbers of seconds numbers.
 *
 * @throws CommandError that suggests a name if there is no such vendor, or that lists the vendor's options.
 */
export function makeVendor(name: string, given: Readonly<Record<string, string>>): RotateOptions['vendor'] {
  const factory = Object.keys(VENDORS).find((each) => plain(each) === plain(name));
  if (factory === undefined) throw unknownVendor(name);
  const make = VENDORS[factory] as MakeVendor;
  try {
    return make(Object.fromEntries(Object.entries(given).map(([key, text]) => [key, readText(key, text)])));
  } catch (error) {
    if (!isWebhookError(error)) throw error;
    throw new CommandError(`${error.message} ${optionsText(make)}`);
  }
}

/** Whether an option must not be on the command line. */
export function isCredential(name: string): boolean {
  return CREDENTIAL.test(name);
}

function unknownVendor(name: string): CommandError {
  const all = [...vendorNames(), ...guidedSenders];
  const near = suggest(plain(name), all.map(plain));
  const vendor = all.find((each) => plain(each) === near);
  const hint = vendor === undefined ? '' : ` Did you mean "${vendor}"?`;
  return new CommandError(
    `There is no vendor "${name}" whose secret can be rotated.${hint} There are: ${all.join(', ')}.`,
  );
}

function optionsText(make: MakeVendor): string {
  const names = optionsOf(make);
  if (names.length === 0) return 'Pass its options with --option name=value and --option-env name=VARIABLE.';
  const written = names.map((name) =>
    isCredential(name) ? `--option-env ${name}=VARIABLE` : `--option ${name}=…`,
  );
  return `Its options: ${written.join(', ')}.`;
}

/** No option is like it, so that none is suggested. */
const UNKNOWN = '?'.repeat(64);

/** The options of a vendor: it lists them if it gets another one. */
function optionsOf(make: MakeVendor): readonly string[] {
  try {
    make({ [UNKNOWN]: true, token: 'x', apiKey: 'x', accessToken: 'x' });
  } catch (error) {
    const listed = /Known options: ([\w, ]+)\./.exec((error as Error).message)?.[1];
    return listed?.split(', ').filter((name) => name !== 'fetch') ?? [];
  }
  return [];
}

function readText(name: string, text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /Seconds$/.test(name) && /^\d{1,9}$/.test(text) ? Number(text) : text;
}
