import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envSecrets, fileSecrets } from '@countersign/core/node';
import { secretProviderCases } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { brokenSecretProvider, FLAWS, type Flaw } from './support/broken-secret-provider.ts';

describe('a file', () => {
  const make = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'countersign-secret-cases-'));
    const path = join(directory, 'secret');
    const write = async (text: string): Promise<void> => {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    };
    let secret = '';
    return {
      provider: fileSecrets(path),
      async put(next: string) {
        secret = next;
        await write(next);
      },
      async fail(fault: string | undefined) {
        if (fault === 'missing') await rm(path);
        else if (fault === 'garbage') await writeFile(path, Buffer.from(`\xff${secret}`, 'latin1'));
        else await write(secret);
      },
      close: () => rm(directory, { recursive: true }),
    };
  };
  const limits = ['no-previous', 'no-sets', 'no-forbidden', 'no-broken', 'no-hanging'] as const;
  for (const { name, run } of secretProviderCases(make, { limits })) test(name, run);
});

describe('an environment variable', () => {
  const make = async () => {
    const env: Record<string, string> = {};
    let secret = '';
    return {
      provider: envSecrets('HOOK_SECRET', { env }),
      async put(next: string) {
        secret = next;
        env.HOOK_SECRET = next;
      },
      fail(fault: string | undefined) {
        if (fault === 'missing') delete env.HOOK_SECRET;
        else env.HOOK_SECRET = secret;
      },
    };
  };
  const limits = ['no-previous', 'no-sets', 'no-forbidden', 'no-broken', 'no-garbage', 'no-hanging'] as const;
  for (const { name, run } of secretProviderCases(make, { limits })) test(name, run);
});

describe('the cases', () => {
  async function failures(flaw?: Flaw): Promise<string[]> {
    const failed: string[] = [];
    for (const { name, run } of secretProviderCases(async () => brokenSecretProvider(flaw), {
      patienceMs: 1000,
    })) {
      await run().catch(() => failed.push(name));
    }
    return failed;
  }

  test('pass a provider that has no flaw', async () => {
    expect(await failures()).toEqual([]);
  });

  test.each(FLAWS)('notice the flaw: %s', async (flaw) => {
    expect(await failures(flaw)).not.toEqual([]);
  });

  test('contain the limits of a source if they replace a case', () => {
    const make = async () => brokenSecretProvider();
    const limits = ['no-previous', 'no-hanging'] as const;
    const named = secretProviderCases(make, { limits }).filter(({ name }) => name.includes('[limit '));
    expect(named).toHaveLength(3);
    expect(secretProviderCases(make)).toHaveLength(secretProviderCases(make, { limits }).length);
  });

  test('close what they made, also when they fail, and let the source work again', async () => {
    let open = 0;
    const faults: unknown[] = [];
    const cases = secretProviderCases(async () => {
      open++;
      const target = brokenSecretProvider('one message for all failures');
      return {
        ...target,
        fail(fault) {
          faults[open] = fault;
          return target.fail(fault);
        },
        async close() {
          expect(faults[open]).toBeUndefined();
          open--;
          await target.close?.();
        },
      };
    });
    const states = [];
    for (const { run } of cases) {
      states.push(
        await run().then(
          () => 'passed',
          () => 'failed',
        ),
      );
    }
    expect(new Set(states)).toEqual(new Set(['passed', 'failed']));
    expect(open).toBe(0);
  });
});
