import type { Clock, SecretProvider } from '@countersign/core';
import { checkClock, checkKeys, configError, providerError, systemClock } from '@countersign/core/extend';
import {
  FORMAT_OPTIONS,
  failedRead,
  failureOf,
  fieldOf,
  isSet,
  nothingStored,
  otherFieldOf,
  readFormat,
  refusedRead,
  type StoredValueOptions,
  type StoredVersion,
  setOfJson,
  setOfVersions,
  throttled,
} from './stored-value.ts';

/** The part of AWS's client that is used: `new SecretsManager()` of `@aws-sdk/client-secrets-manager` has it. */
export interface AwsSecretsClient {
  getSecretValue(
    input: { SecretId: string; VersionStage: string },
    options?: { abortSignal?: AbortSignal },
  ): Promise<{
    SecretString?: string | undefined;
    SecretBinary?: Uint8Array | undefined;
    VersionId?: string | undefined;
    CreatedDate?: Date | undefined;
  }>;
}

/** Options of {@link awsSecrets}. */
export interface AwsSecretsOptions extends StoredValueOptions {
  /** `new SecretsManager()`. You configure and close it. */
  client: AwsSecretsClient;
  /** Name or ARN of the secret. */
  secretId: string;
  /** Uses the version labeled `AWSPENDING` as `next`. Default: `false`. */
  pending?: boolean;
  /** The time at which a label was seen to move. Default: the machine's clock. */
  clock?: Clock;
}

interface LabeledVersion extends StoredVersion {
  readonly id: string;
}

const ATTEMPTS = 3;
const PERMISSION = 'secretsmanager:GetSecretValue on it, and kms:Decrypt on its key';
const THROTTLED =
  /^(?:Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded|SlowDown)$/;
const CREDENTIALS =
  /^(?:ExpiredToken(?:Exception)?|UnrecognizedClientException|InvalidSignatureException|InvalidClientTokenId|CredentialsProviderError|TokenProviderError)$/;

/**
 * A secret in AWS Secrets Manager: `AWSCURRENT` is the current one, `AWSPREVIOUS` the previous one if there is one, and with
 * `pending` `AWSPENDING` the next one, so that a secret that AWS's rotation has made is accepted before the sender uses it.
 *
 * A change takes effect at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that matches no
 * key. Needs `secretsmanager:GetSecretValue`, and `kms:Decrypt` if your own key encrypts the secret.
 *
 * A binary value is the key itself; one trailing line break of text is cut off. `retainPreviousSeconds` counts from when the
 * current version was made, or from when this process saw `AWSCURRENT` move to it, if that was later.
 *
 * If the secret does not exist or is marked for deletion, nothing is accepted after that load. Loading fails with
 * `ERR_WEBHOOK_PROVIDER_FAILED` if AWS can't be asked, refuses or throttles the call, and with `ERR_WEBHOOK_SECRETS_INVALID` if
 * the value can't be used; then the last good set stays in use.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 * @example
 * ```ts
 * import { SecretsManager } from '@aws-sdk/client-secrets-manager'
 *
 * createVerifier({ scheme: polyai(), secrets: awsSecrets({ client: new SecretsManager(), secretId: 'webhooks/polyai' }) })
 * ```
 */
export function awsSecrets(options: AwsSecretsOptions): SecretProvider {
  options = checkKeys('awsSecrets()', options, ['client', 'secretId', 'pending', 'clock', ...FORMAT_OPTIONS]);
  checkClock(options.clock);
  const { client, secretId, pending = false, clock = systemClock } = options;
  if (typeof client?.getSecretValue !== 'function') {
    throw configError(
      '"client" of awsSecrets() must be new SecretsManager(), the client that has a method for each call. SecretsManagerClient has only send().',
    );
  }
  if (typeof secretId !== 'string' || secretId === '') {
    throw configError('"secretId" of awsSecrets() must be the name or ARN of the secret.');
  }
  if (typeof pending !== 'boolean') throw configError('"pending" must be true or false.');
  const format = readFormat(options);
  if (format.format === 'json' && pending) {
    throw configError('"pending" has no effect with format "json". Set "next" in the stored set instead.');
  }
  const name = `AWS secret ${secretId}`;
  const location = `The ${name}`;
  const use = new FirstUse(clock);

  async function read(label: string, signal: AbortSignal): Promise<LabeledVersion | undefined> {
    try {
      const version = await client.getSecretValue(
        { SecretId: secretId, VersionStage: label },
        { abortSignal: signal },
      );
      const value = version.SecretString ?? version.SecretBinary;
      if (value === undefined) return undefined;
      const stored = { value, id: version.VersionId ?? '', since: version.CreatedDate };
      return (label === 'AWSCURRENT' ? fieldOf : otherFieldOf)(location, format, stored);
    } catch (error) {
      // AWS uses this error for a secret that doesn't exist and for a label that no version has.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
      throw explain(location, error);
    }
  }

  async function readCurrent(signal: AbortSignal): Promise<LabeledVersion> {
    const current = await read('AWSCURRENT', signal);
    if (current === undefined) throw nothingStored(location, 'Check its name and the region of the client.');
    return current;
  }

  return {
    name,
    inTurn: true,
    async load({ signal }) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const current = await readCurrent(signal);
        if (isSet(format, current.value)) return setOfJson(location, current.value, current.id);
        const previous = format.retainMs === 0 ? undefined : await read('AWSPREVIOUS', signal);
        const next = pending ? await read('AWSPENDING', signal) : undefined;
        // Labels move one call at a time: a set read during a move could be missing the key that signs.
        if (current.id !== '' && previous?.id === current.id) continue;
        if (pending && !isSame(await readCurrent(signal), current)) continue;
        // AWS leaves AWSPENDING on the version that has become current.
        const ahead = isSame(next, current) || isSame(next, previous) ? undefined : next;
        const since = use.of(current);
        const set = { current: { ...current, since }, previous, next: ahead, version: current.id };
        return setOfVersions(location, format, set);
      }
      throw providerError(`${location} kept changing while it was read. The provider reads it again soon.`);
    },
  };
}

/** Clients in front of AWS may leave the ids out: then versions are the same if their values are. */
function isSame(one: LabeledVersion | undefined, other: LabeledVersion | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  if (one.id !== '' || other.id !== '') return one.id === other.id;
  return Buffer.from(one.value).equals(Buffer.from(other.value));
}

/** Names the cause, but nothing from the response. */
function explain(location: string, error: unknown): unknown {
  const name = error instanceof Error ? error.name : '';
  const failure = failureOf(error);
  if (name === 'InvalidRequestException') {
    return nothingStored(location, 'It may be marked for deletion: restore it, or name another one.');
  }
  if (name === 'AccessDeniedException' || name === 'DecryptionFailure')
    return refusedRead(location, PERMISSION);
  if (THROTTLED.test(name) || failure.status === 429) return throttled(location, 'AWS', failure);
  if (CREDENTIALS.test(name)) {
    return failedRead(
      location,
      'AWS',
      'refuses the credentials of the client. Check that it has credentials and that they have not expired',
      failure,
    );
  }
  if (failure.status !== undefined && failure.status >= 500) {
    return failedRead(location, 'AWS', 'fails. The provider tries again soon', failure);
  }
  return error;
}

/**
 * Since when a version is current. AWS reports when it was made, which may be long before its label was moved to it. If the time
 * of the replaced secret counted from there, it could be over before it began. So if this process has seen the label move, it
 * counts from that moment.
 */
class FirstUse {
  readonly #clock: Clock;
  #id: string | undefined;
  #seenAt: Date | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of({ id, since }: LabeledVersion): Date | undefined {
    if (this.#id !== id) {
      this.#seenAt = this.#id === undefined ? undefined : new Date(this.#clock.now());
      this.#id = id;
    }
    return since !== undefined && this.#seenAt !== undefined && since < this.#seenAt ? this.#seenAt : since;
  }
}
