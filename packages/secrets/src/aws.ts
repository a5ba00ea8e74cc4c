import type { Clock, SecretProvider } from '@countersign/core';
import { checkKeys, configError, providerError, systemClock } from '@countersign/core/extend';
import {
  FORMAT_OPTIONS,
  holdsSet,
  nothingStored,
  readFormat,
  refusedRead,
  type StoredValueOptions,
  type StoredVersion,
  setOfJson,
  setOfVersions,
} from './stored-value.ts';

/** What of AWS's client is used: `new SecretsManager()` of `@aws-sdk/client-secrets-manager` has it. */
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
  /** `new SecretsManager()`; it stays yours. */
  client: AwsSecretsClient;
  /** Name or ARN of the secret. */
  secretId: string;
  /** Takes the version labelled `AWSPENDING` as `next`. Default: `false`. */
  pending?: boolean;
  /** Tells when a version that was made earlier was put to use. Default: the machine's. */
  clock?: Clock;
}

interface LabelledVersion extends StoredVersion {
  readonly id: string;
}

const ATTEMPTS = 3;
const PERMISSION = 'secretsmanager:GetSecretValue on it, and kms:Decrypt on its key';

/**
 * A secret in AWS Secrets Manager: `AWSCURRENT` is the current one, `AWSPREVIOUS` the previous one where there is one, and with
 * `pending` `AWSPENDING` the next one, so that a secret that AWS's rotation has made is accepted before it is put to use.
 *
 * A change is seen at the next reload: after `intervalSeconds` (300) at the latest, or at the first delivery that no key matches.
 * Needs `secretsmanager:GetSecretValue`, and `kms:Decrypt` for a key of your own.
 *
 * A binary value is the key itself; of text one trailing line break is cut off. `retainPreviousSeconds` counts from when the current
 * version was made, or from when this process saw `AWSCURRENT` move to it, if that was later.
 *
 * Loading fails with `ERR_WEBHOOK_PROVIDER_FAILED` where the secret is missing or may not be read, and `ERR_WEBHOOK_SECRETS_INVALID`
 * where its value is of another form.
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
  checkKeys('awsSecrets()', options, ['client', 'secretId', 'pending', 'clock', ...FORMAT_OPTIONS]);
  const { client, secretId, pending = false, clock = systemClock } = options;
  if (typeof client?.getSecretValue !== 'function') {
    throw configError(
      'awsSecrets() wants "client" as new SecretsManager(), the client that has a method for each call; SecretsManagerClient has only send().',
    );
  }
  if (typeof secretId !== 'string' || secretId === '') {
    throw configError('awsSecrets() wants "secretId": the name or ARN of the secret.');
  }
  if (typeof pending !== 'boolean') throw configError('"pending" must be true or false.');
  if (typeof clock?.now !== 'function') throw configError('"clock" must be a clock with now().');
  const format = readFormat(options);
  if (format.format === 'json' && pending) {
    throw configError('"pending" is for single secrets: a set as JSON has "next".');
  }
  const name = `AWS secret ${secretId}`;
  const place = `The ${name}`;

  const use = new FirstUse(clock);

  async function read(label: string, signal: AbortSignal): Promise<LabelledVersion | undefined> {
    try {
      const answer = await client.getSecretValue(
        { SecretId: secretId, VersionStage: label },
        { abortSignal: signal },
      );
      const value = answer.SecretString ?? answer.SecretBinary;
      return value === undefined
        ? undefined
        : { value, id: answer.VersionId ?? '', since: answer.CreatedDate };
    } catch (error) {
      const what = error instanceof Error ? error.name : '';
      // The same for a secret that isn't there and for a label that no version has.
      if (what === 'ResourceNotFoundException') return undefined;
      if (what === 'InvalidRequestException') {
        throw nothingStored(place, 'It may be marked for deletion: restore it, or name another one.');
      }
      if (what === 'AccessDeniedException' || what === 'DecryptionFailure')
        throw refusedRead(place, PERMISSION);
      throw error;
    }
  }

  async function readCurrent(signal: AbortSignal): Promise<LabelledVersion> {
    const current = await read('AWSCURRENT', signal);
    if (current === undefined) throw nothingStored(place, 'Check its name and the region of the client.');
    return current;
  }

  return {
    name,
    async load({ signal }) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const current = await readCurrent(signal);
        if (holdsSet(format, current.value)) return setOfJson(place, current.value, current.id);
        const previous = format.retainMs === 0 ? undefined : await read('AWSPREVIOUS', signal);
        const next = pending ? await read('AWSPENDING', signal) : undefined;
        // Labels move one call at a time: a set read across a move could lack the key that signs.
        if (previous?.id === current.id) continue;
        if (pending && (await readCurrent(signal)).id !== current.id) continue;
        // AWS leaves AWSPENDING on the version that has become current.
        const ahead = next?.id === current.id || next?.id === previous?.id ? undefined : next;
        const since = use.of(current);
        const set = { current: { ...current, since }, previous, next: ahead, version: current.id };
        return setOfVersions(place, format, set);
      }
      throw providerError(`${place} keeps changing while it is read.`);
    },
  };
}

/**
 * Since when a version is current. AWS tells when it was made, and that may be long before its label was moved to it: counted from then,
 * the time of the replaced secret could be over before it began. So a move that this process has seen counts instead.
 */
class FirstUse {
  readonly #clock: Clock;
  #id: string | undefined;
  #seenAt: Date | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of({ id, since }: LabelledVersion): Date | undefined {
    if (this.#id !== id) {
      this.#seenAt = this.#id === undefined ? undefined : new Date(this.#clock.now());
      this.#id = id;
    }
    return since !== undefined && this.#seenAt !== undefined && since < this.#seenAt ? this.#seenAt : since;
  }
}
