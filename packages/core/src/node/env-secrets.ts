import type { SecretProvider, SecretSetInput } from '../secrets/secrets.ts';
import { checkKeys, configError } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';

/** Options of {@link envSecrets}. */
export interface EnvSecretsOptions {
  /** Where the variables are looked up. Default: `process.env`, as it is at each load. */
  env?: NodeJS.ProcessEnv;
}

/**
 * Secrets from environment variables: `NAME` is the current secret, `NAME_PREVIOUS` and `NAME_NEXT` are the optional others.
 * They are read when the set is loaded, not when the module is imported; `reload()` reads them again. The value is taken as it is,
 * nothing is trimmed.
 *
 * Nothing outside a process can change its environment, so a rotation through variables takes a restart. Where secrets have to
 * change while the process runs, use {@link fileSecrets} or a secret manager.
 *
 * The name is written in capitals (`A`–`Z`, digits, `_`). That is also what keeps a secret that was passed in place of its
 * variable's name out of errors and health.
 *
 * Loading fails with `ERR_WEBHOOK_SECRETS_INVALID` where `NAME` is unset or empty. An unset or empty `NAME_PREVIOUS` or
 * `NAME_NEXT` means that there is none.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if the name is not that of a variable, or for an unknown option.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: stripe(), secrets: envSecrets('STRIPE_WEBHOOK_SECRET') })
 * ```
 */
export function envSecrets(name: string, options: EnvSecretsOptions = {}): SecretProvider {
  if (typeof name !== 'string' || !/^[A-Z_][A-Z0-9_]*$/.test(name)) {
    throw configError(
      'envSecrets() wants the name of an environment variable in capitals, such as "STRIPE_WEBHOOK_SECRET", not its value.',
    );
  }
  checkKeys('envSecrets()', options, ['env']);
  return { name: `env ${name}`, load: () => readVariables(name, options.env ?? process.env) };
}

function readVariables(name: string, env: NodeJS.ProcessEnv): SecretSetInput {
  const current = env[name];
  if (current === undefined) throw invalid(`The environment variable ${name} is not set.`);
  if (current === '') throw invalid(`The environment variable ${name} is empty.`);
  const set: SecretSetInput = { current };
  const previous = env[`${name}_PREVIOUS`];
  const next = env[`${name}_NEXT`];
  // Deployment tools set a variable they have no value for to the empty string.
  if (previous) set.previous = previous;
  if (next) set.next = next;
  return set;
}

function invalid(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SECRETS_INVALID', message);
}
