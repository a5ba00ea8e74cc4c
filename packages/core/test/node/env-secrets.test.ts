import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { envSecrets } from '../../src/node/env-secrets.ts';
import type { SecretProvider } from '../../src/secrets/secrets.ts';

const context = { signal: new AbortController().signal, reason: 'start' } as const;
const VARIABLE = 'COUNTERSIGN_ENV_SECRETS_TEST';

afterEach(() => {
  delete process.env[VARIABLE];
});

function load(provider: SecretProvider): unknown {
  return provider.load(context);
}

describe('envSecrets', () => {
  it('reads the variable when the set is loaded, not when the provider is made', () => {
    const provider = envSecrets(VARIABLE);
    process.env[VARIABLE] = 'first-secret';
    expect(load(provider)).toEqual({ current: 'first-secret' });
  });

  it('reads it again at every load', () => {
    process.env[VARIABLE] = 'first-secret';
    const provider = envSecrets(VARIABLE);
    load(provider);
    process.env[VARIABLE] = 'second-secret';
    expect(load(provider)).toEqual({ current: 'second-secret' });
    expect(provider.static).not.toBe(true);
  });

  it('answers at once, without a promise', () => {
    const set = load(envSecrets('HOOK', { env: { HOOK: 'secret' } }));
    expect(set).not.toBeInstanceOf(Promise);
  });

  it('reads the previous and the next secret from their own variables', () => {
    const env = { HOOK: 'now', HOOK_PREVIOUS: 'before', HOOK_NEXT: 'soon' };
    expect(load(envSecrets('HOOK', { env }))).toEqual({ current: 'now', previous: 'before', next: 'soon' });
  });

  it('treats an empty previous or next as none', () => {
    expect(load(envSecrets('HOOK', { env: { HOOK: 'now', HOOK_PREVIOUS: '', HOOK_NEXT: '' } }))).toEqual({
      current: 'now',
    });
  });

  it('trims nothing', () => {
    expect(load(envSecrets('HOOK', { env: { HOOK: ' now\n' } }))).toEqual({ current: ' now\n' });
  });

  it('refuses an unset variable by name', () => {
    const provider = envSecrets('HOOK', { env: {} });
    expect(() => load(provider)).toThrow(
      expect.objectContaining({
        code: 'ERR_WEBHOOK_SECRETS_INVALID',
        message: 'The environment variable HOOK is not set. Set it to the signing secret.',
      }),
    );
  });

  it('refuses an empty variable by name, even if another one has a secret', () => {
    const provider = envSecrets('HOOK', { env: { HOOK: '', HOOK_PREVIOUS: 'before' } });
    expect(() => load(provider)).toThrow(
      expect.objectContaining({
        code: 'ERR_WEBHOOK_SECRETS_INVALID',
        message: 'The environment variable HOOK is empty. Set it to the signing secret.',
      }),
    );
  });

  it('names its variable as the source', () => {
    expect(envSecrets('HOOK').name).toBe('env HOOK');
  });

  it.each(['whsec_CANARYCANARY', 'canary', '', 'A B', 'A=B', '1A', undefined, { HOOK: 'x' }])(
    'refuses %j as a name without repeating it',
    (name) => {
      let thrown: unknown;
      try {
        Reflect.apply(envSecrets, undefined, [name]);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'ERR_WEBHOOK_CONFIG_INVALID' });
      expect(inspect(thrown, { depth: null, showHidden: true }).split('\n')[0]).not.toMatch(/canary/i);
    },
  );

  it('refuses an option that it does not know', () => {
    expect(() => Reflect.apply(envSecrets, undefined, ['HOOK', { environment: {} }])).toThrow(
      expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
    );
  });
});
