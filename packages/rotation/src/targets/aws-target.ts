import { checkKeys, configError } from '@countersign/core/extend';
import type { RotationTarget } from '../target.ts';
import { parseSet } from './set-text.ts';

/** The part of AWS's client that is used: `new SecretsManager()` of `@aws-sdk/client-secrets-manager` has it. */
export interface AwsSecretsClient {
  getSecretValue(input: { SecretId: string }): Promise<{ SecretString?: string | undefined }>;
  putSecretValue(input: { SecretId: string; SecretString: string }): Promise<unknown>;
}

/** How often a keyring reloads its set by default. */
const POLL_SECONDS = 300;

/**
 * A secret in AWS Secrets Manager whose value is a set as JSON. Each write creates a version and moves `AWSCURRENT` to it.
 *
 * Needs the permissions `secretsmanager:GetSecretValue` and `secretsmanager:PutSecretValue`, and those of the key that encrypts
 * it. The service has no lock and no compare-and-set: `rotate()` needs a `journal` that everything that rotates this secret
 * shares.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * import { SecretsManager } from '@aws-sdk/client-secrets-manager'
 *
 * const target = awsTarget({ client: new SecretsManager(), secretId: 'webhooks/anchor' })
 * await rotate({ vendor, target, journal: '/var/lib/rotation/anchor' })
 * ```
 */
export function awsTarget(options: { client: AwsSecretsClient; secretId: string }): RotationTarget {
  options = checkKeys('awsTarget()', options, ['client', 'secretId']);
  const { client, secretId } = options;
  if (typeof client?.getSecretValue !== 'function' || typeof client.putSecretValue !== 'function') {
    throw configError(
      '"client" of awsTarget() must be new SecretsManager(), the client that has a method for each call. SecretsManagerClient has only send().',
    );
  }
  if (typeof secretId !== 'string' || secretId === '') {
    throw configError('"secretId" of awsTarget() must be the name or ARN of the secret.');
  }
  const name = `AWS secret ${secretId}`;
  return {
    name,
    pollSeconds: POLL_SECONDS,
    // The service's own limit.
    maxBytes: 65_536,
    async read() {
      try {
        const { SecretString } = await client.getSecretValue({ SecretId: secretId });
        return parseSet(SecretString, name);
      } catch (error) {
        // Also if the secret exists and has no value yet.
        if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
        throw error;
      }
    },
    async write(set) {
      await client.putSecretValue({ SecretId: secretId, SecretString: JSON.stringify(set) });
    },
  };
}
