import { awsSecrets } from '@countersign/secrets/aws';
import { gcpSecrets } from '@countersign/secrets/gcp';
import { vaultSecrets } from '@countersign/secrets/vault';
import { expect, test } from 'vitest';
import { inheriting, poison } from '../../../test/support/inheriting.ts';

// As test/core/own-options.test.ts, for the providers of this package.

test.each<[string, string[], () => unknown]>([
  [
    'awsSecrets()',
    ['pending', 'format'],
    () => awsSecrets({ client: { getSecretValue: async () => ({}) } as never, secretId: 'a' }),
  ],
  [
    'gcpSecrets()',
    ['format'],
    () =>
      gcpSecrets({
        client: { listSecretVersions: async () => [[]], accessSecretVersion: async () => [{}] } as never,
        secret: 'projects/a/secrets/b',
      }),
  ],
  [
    'vaultSecrets()',
    ['field', 'format'],
    () => vaultSecrets({ client: { read: async () => ({}) } as never, path: 'secret/data/a' }),
  ],
])('%s reads no inherited option', (_, names, make) => {
  for (const name of names) {
    expect(() => inheriting({ [name]: poison }, make), name).not.toThrow();
  }
});
