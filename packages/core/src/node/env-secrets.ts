import { secretsError } from '../secrets/secret-entry.ts';
import { markGone, type SecretProvider, type SecretSetInput } from '../secrets/secrets.ts';
import { checkKeys, configError } from '../util/options.ts';

/** Options of {@link envSecrets}. */
export interface EnvSecretsOptions {
  /** Where the variables are looked up. Default: `process.env`, as it is at each load. */
  env?: NodeJS.ProcessEnv;
}

/**
 * Secrets from environment variables: `NAME` is the current secret, `NAME_PREVIOUS` and `NAME_NEXT` are the optional others.
 * They are read when the secrets are first needed, not when the module is imported; `reload()` reads them again. The value is used as
 * it is: nothing is trimmed.
 *
 * Nothing outside a process can change its environment, so a rotation through variables takes a restart. If secrets must
 * change while the process runs, use {@link fileSecrets} or a secret manager.
 *
 * The name must be in capitals (`A`–`Z`, digits, `_`). This also keeps a secret that was passed instead of its variable's name
 * out of errors and health.
 *
 * Loading fails with `ERR_WEBHOOK_SECRETS_INVALID` if `NAME` is missing or empty. If `NAME` was there at an earlier load and is missing
 * now, there is no secret any more, and nothing is accepted after that load. If `NAME_PREVIOUS` or `NAME_NEXT` is missing or empty, there
 * is no such secret.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if the name is not the name of a variable, or if an option is unknown.
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: stripe(), secrets: envSecrets('STRIPE_WEBHOOK_SECRET') })
 * ```
 */
export function envSecrets(name: string, options: EnvSecretsOptions = {}): SecretProvider {
  if (typeof name !== 'string' || !/^[A-Z_][A-Z0-9_]*$/.test(name)) {
    throw configError(
      'envSecrets() needs the name of an environment variable in capitals, for example "STRIPE_WEBHOOK_SECRET", not its value.',
    );
  }
  options = checkKeys('envSecrets()', options, ['env']);
  return {
    name: `env ${name}`,
    mismatchCooldownSeconds: 0.5,
    load: () => readVariables(name, options.env ?? process.env),
  };
}

function readVariables(name: string, env: NodeJS.ProcessEnv): SecretSetInput {
  const current = env[name];
  if (current === undefined) {
    throw markGone(
      secretsError(`The environment variable ${name} is not set. Set it to the signing secret.`),
    );
  }
  // Deployment tools set a variable to the empty string if they have no value for it.
  if (current === '') {
    throw secretsError(`The environment variable ${name} is empty. Set it to the signing secret.`);
  }
  const set: SecretSetInput = { current };
  const previous = env[`${name}_PREVIOUS`];
  const next = env[`${name}_NEXT`];
  if (previous) set.previous = previous;
  if (next) set.next = next;
  return set;
}
