import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../support/servers/available.ts';
import { planStorm } from './storm/plan.ts';

const MAIN = fileURLToPath(new URL('storm/main.ts', import.meta.url));
/** A run ends by itself; this only ends one that hangs. */
const TIMEOUT_MS = 900_000;

const describeWithServers = await describeWith('redis-server', 'postgres-server');

describeWithServers('the storm', () => {
  it('finds no delivery lost or run twice and no forgery accepted', { timeout: TIMEOUT_MS }, async () => {
    const { code, text } = await storm('--seed', '1', '--deliveries', '1000', '--seconds', '25');
    expect(text).toContain('sent 1000, ');
    expect(text).toContain('lost 0, run twice 0, accepted forgeries 0');
    expect(code, text).toBe(0);
  });

  // Whether a run meets the fault depends on the moment at which a process is stopped or its client leaves.
  it.each(['P1', 'P2'])(
    'finds %s when it is put back, in one of three runs',
    { timeout: TIMEOUT_MS },
    async (fault) => {
      const texts: string[] = [];
      for (const seed of ['4', '10', '14']) {
        const { code, text } = await storm(
          ...['--seed', seed, '--deliveries', '250', '--seconds', '12', '--put-back', fault],
        );
        texts.push(text);
        if (!new RegExp(`^  ${fault}: .*: \\d+$`, 'm').test(text)) continue;
        expect(text).toContain('This run FAILED.');
        expect(code, text).toBe(1);
        return;
      }
      expect.fail(texts.join('\n'));
    },
  );
});

describe('the plan of a storm', () => {
  it('is the same for the same seed, and another one for another', () => {
    const plan = planStorm(7, 500, 20);
    expect(planStorm(7, 500, 20)).toEqual(plan);
    expect(planStorm(8, 500, 20).digest).not.toBe(plan.digest);
  });

  it('has every kind of fault, forgery and leaving client', () => {
    const { faults, forgeries } = planStorm(7, 2000, 120);
    expect([...new Set(faults.map(({ type }) => type))].sort()).toEqual([
      ...['crash', 'deleted', 'emptied', 'fails', 'flush', 'goes back', 'half-written', 'hangs', 'kill'],
      ...['pause', 'restart', 'sends half', 'stop', 'swapped'],
    ]);
    expect(new Set(forgeries.map(({ kind }) => kind)).size).toBe(13);
  });
});

/** `npm run storm`, as a process of its own. */
function storm(...args: readonly string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, ['--conditions=countersign-source', '--import=tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const read = (bytes: Buffer): void => {
    text += bytes.toString();
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, text }));
  });
}
