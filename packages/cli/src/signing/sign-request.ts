import {
  createKeyring,
  type DefinedScheme,
  type SecretInput,
  type SecretSetInput,
  staticSecrets,
} from '@countersign/core';
import { type PublicKey, rulesOf, type SecretFormat } from '@countersign/core/extend';
import { type SignedRequest, sign, tamper } from '@countersign/testing';
import { type Command, Option } from 'commander';
import { senderTitle } from '../catalogue/sender-facts.ts';
import { isDefined } from '../catalogue/signature-facts.ts';
import { CommandError } from '../command-error.ts';
import type { Console } from '../console.ts';
import { readInput } from '../read-input.ts';
import { addSecretOptions, readSecrets, type SecretOptions } from '../secrets.ts';
import {
  addSenderArgument,
  findFactory,
  findScheme,
  readSenderOptions,
  type SenderOptions,
} from '../sender.ts';
import { withBodyTime } from './body-time.ts';
import { defaultBody } from './default-body.ts';

/** What {@link addSigningOptions} adds to the options of a command. */
export interface SigningOptions extends SecretOptions, SenderOptions {
  readonly body?: string;
  readonly type?: string;
  readonly id?: string;
  readonly header?: readonly string[];
  readonly method: string;
  readonly previous?: true;
  readonly expired?: true;
  readonly tampered?: true;
}

/** A request that is ready to be sent. */
export interface RequestToSend {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A signed request, and whose it is. */
export interface Signed {
  readonly scheme: DefinedScheme;
  /** The sender's name as people write it. */
  readonly title: string;
  readonly request: RequestToSend;
  /** What was changed in the body that was given, in sentences. */
  readonly notes: readonly string[];
}

/** Adds what `sign` and `send` have in common. */
export function addSigningOptions(command: Command): Command {
  const append = (value: string, list: readonly string[] | undefined) => [...(list ?? []), value];
  addSecretOptions(addSenderArgument(command));
  return command
    .option(
      '--body <FILE>',
      'the body, byte for byte; - reads the standard input (default: one that fits the sender)',
    )
    .option('--type <TEXT>', "the event's type, if the sender sends one")
    .option('--id <TEXT>', "the delivery's id, if the sender signs one (default: a new one)")
    .option('--header <"name: value">', 'a further header; repeat it for several', append)
    .addOption(new Option('--method <METHOD>', 'the method').default('POST'))
    .option('--previous', 'sign with the previous secret')
    .option('--expired', 'sign a time that is too old')
    .option('--tampered', 'change one bit of the body after signing');
}

/**
 * Signs a request as the sender would.
 *
 * @param to Where the request is to be sent.
 * @throws CommandError if the sender can't be signed for, or what it needs is missing.
 */
export async function signRequest(
  sender: string,
  to: string,
  options: SigningOptions,
  console: Console,
): Promise<Signed> {
  const factory = findFactory(sender);
  const scheme = findScheme(sender, readSenderOptions(options, console));
  const title = senderTitle(factory, scheme);
  if (!isDefined(scheme))
    throw new CommandError(
      `Deliveries of ${title} can't be signed here: their tokens or certificates need the sender's own key. Use its library, or its test button.`,
    );
  if (options.tampered === true && sendsToken(scheme))
    throw new CommandError(
      `${title} sends a token and signs nothing, so no receiver can notice a changed body. Leave out --tampered.`,
    );
  const target = readUrl(to, '--to');
  const secret = await readSigningSecret(scheme, title, options, console);
  const seconds = timeOf(scheme, title, options);
  const { body, notes } = await readBody(scheme, seconds, options, console);
  const url = readUrl(options.publicUrl ?? target.href, '--public-url').href;
  const headers = { ...typeHeader(scheme, options.type), ...readHeaders(options.header ?? []) };
  const { method, id } = options;
  const input = {
    secret,
    body,
    timestamp: seconds,
    method,
    url,
    headers,
    ...(id === undefined ? {} : { id }),
  };
  const genuine = signOrExplain(scheme, title, input);
  const signed = options.tampered === true ? tamper(genuine) : genuine;
  // Some senders add the signature to the query.
  if (signed.url !== undefined && signed.url !== url) target.search = new URL(signed.url).search;
  return {
    scheme,
    title,
    notes,
    request: { method, url: target.href, headers: signed.headers, body: signed.body },
  };
}

function sendsToken({ definition }: DefinedScheme): boolean {
  return rulesOf(definition).every((rule) => 'token' in rule.algorithm);
}

/**
 * Reads the URL of a receiver.
 *
 * @throws CommandError if it is not an http or https URL.
 */
export function readUrl(text: string, flag: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new CommandError(`${flag} must be an http or https URL, for example http://localhost:3000/webhook.`);
}

async function readSigningSecret(
  scheme: DefinedScheme,
  title: string,
  options: SigningOptions,
  console: Console,
): Promise<string | Uint8Array> {
  if (options.body === '-' && options.secretEnv === undefined && options.secretFile === undefined)
    throw new CommandError(
      '--body - uses the standard input, so the secret can not be asked for. Pass --secret-env NAME or --secret-file PATH.',
    );
  const set = await readSecrets(options, console);
  const secret = secretOf(set, options.previous === true);
  const algorithm = publicKeyOf(scheme.definition.secret);
  if (algorithm === undefined) await checkSecrets(scheme, set);
  else if (typeof secret !== 'string' || !secret.includes('PRIVATE KEY'))
    throw new CommandError(
      `${title} signs with a private key that only it has. To test your receiver, make a key pair, give the receiver the public key, and pass the private key as PEM: openssl genpkey -algorithm ${ALGORITHMS[algorithm]} -out private.pem`,
    );
  return secret;
}

/** Which public key the receivers of a sender have. `undefined`: sender and receiver share a secret. */
function publicKeyOf(format: SecretFormat): PublicKey['publicKey'] | undefined {
  return 'publicKey' in format ? (format as PublicKey).publicKey : undefined;
}

/** Refuses what a receiver would refuse, too: API keys, placeholders, white space. */
async function checkSecrets(scheme: DefinedScheme, set: SecretSetInput): Promise<void> {
  await using keyring = createKeyring(staticSecrets(set), { scheme });
  await keyring.ready();
}

const ALGORITHMS = {
  ed25519: 'ed25519',
  'ecdsa-p256': 'EC -pkeyopt ec_paramgen_curve:P-256',
  rsa: 'RSA',
};

function secretOf(set: SecretSetInput, wantsPrevious: boolean): string | Uint8Array {
  const listed = wantsPrevious ? set.previous : set.current;
  const first: SecretInput | undefined = Array.isArray(listed) ? listed[0] : listed;
  if (first === undefined)
    throw new CommandError(
      'There is no previous secret to sign with. Set the variable with _PREVIOUS at the end of its name, or pass --secret-file with {"current": …, "previous": …}.',
    );
  return typeof first === 'string' || first instanceof Uint8Array ? first : first.secret;
}

/** Beyond the window, so that clocks that differ a little do not matter. */
const BEYOND_SECONDS = 60;

function timeOf({ freshness }: DefinedScheme, title: string, { expired }: SigningOptions): number {
  const now = Date.now() / 1000;
  if (expired !== true) return now;
  if (freshness.signed === 'none')
    throw new CommandError(
      `${title} signs no time, so nothing expires. Leave out --expired; --twice shows whether a replay runs.`,
    );
  return now - freshness.past - BEYOND_SECONDS;
}

async function readBody(
  scheme: DefinedScheme,
  seconds: number,
  { body: path, type, expired }: SigningOptions,
  console: Console,
): Promise<{ body: Buffer; notes: readonly string[] }> {
  const given = path === undefined ? defaultBody(scheme, type) : await readInput(path, 'the body', console);
  const { bodyTimestamp } = scheme.definition;
  if (bodyTimestamp === undefined) return { body: given, notes: [] };
  const name = bodyTimestamp.field ?? bodyTimestamp.formField ?? '';
  if (path !== undefined && expired !== true && hasField(given, name)) return { body: given, notes: [] };
  const notes =
    path === undefined ? [] : [`The field "${name}" of the body, which contains the signed time, was set.`];
  return { body: withBodyTime(given, bodyTimestamp, seconds), notes };
}

function hasField(body: Buffer, path: string): boolean {
  try {
    let value: unknown = JSON.parse(body.toString('utf8'));
    for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
    return value !== undefined;
  } catch {
    return new URLSearchParams(body.toString('utf8')).has(path);
  }
}

function typeHeader({ definition }: DefinedScheme, type: string | undefined): Record<string, string> {
  const { header } = definition.eventType ?? {};
  return header === undefined ? {} : { [header]: type ?? 'test' };
}

function readHeaders(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\r\n]*)$/.exec(text) ?? [];
      if (name === undefined || value === undefined)
        throw new CommandError('--header must be followed by "name: value".');
      return [name.toLowerCase(), value];
    }),
  );
}

function signOrExplain(
  scheme: DefinedScheme,
  title: string,
  input: Parameters<typeof sign>[1],
): SignedRequest {
  try {
    return sign(scheme, input);
  } catch (error) {
    // Errors of keys do not quote them, but say nothing that helps either.
    const isOurs = error instanceof TypeError && !('code' in error);
    throw new CommandError(
      isOurs
        ? `The request can't be signed as ${title} does: ${error.message}`
        : `The secret can't sign as ${title} does: it is not a key of the right kind. Run: countersign senders ${scheme.name}`,
    );
  }
}
