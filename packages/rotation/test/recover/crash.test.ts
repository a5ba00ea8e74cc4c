import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { recover } from '@countersign/rotation';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleScript } from '../../../../test/support/bundled-script.ts';
import type { RecoverOrder } from '../support/recover-child.ts';
import { openScene, outage, type Scene, verdict } from '../support/recovery.ts';
import { SENDERS } from '../support/recovery-access.ts';

const script = await bundleScript(new URL('../support/recover-child.ts', import.meta.url));
afterAll(script.remove);

const MISSED = 2;

/** Runs a recovery in a process of its own, and kills it where it stops. Returns what it said last. */
async function runAndKill(order: RecoverOrder): Promise<string> {
  const child = spawn(process.execPath, [script.path, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const exited = once(child, 'exit');
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('\n') && text.startsWith('stopped')) child.kill('SIGKILL');
    });
  }
  await exited;
  return text.trim();
}

/** How often the sender was asked for each delivery, or the receiver got it from the recovery. */
function redeliveries({ sender, name }: Scene): Map<string, number> {
  const counts = new Map<string, number>();
  const pattern = name === 'stripe' ? /^GET \/v1\/events\/(evt_\w+)/ : /^POST (.*)/;
  for (const { call } of sender.api.calls()) {
    const [, id] = pattern.exec(call) ?? [];
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

describe.each(SENDERS)('a recovery from %s that is killed', { timeout: 240_000 }, (name) => {
  // The steps between two calls of the network are the same for Svix and Resend as for GitHub.
  it.each(name === 'github' || name === 'stripe' ? [false, true] : [true])(
    'at any call (after one of the network: %s) is finished by the next run, without a repetition',
    async (after) => {
      const points: string[] = [];
      const cuts = async (stop: number): Promise<string> => {
        const scene = await openScene(name);
        await outage(scene, { before: 1, during: MISSED, after: 1 });
        await scene.sender.idle();
        const since = new Date(Date.now() - 3_600_000).toISOString();
        const { access, journal, application } = scene;
        const end = await runAndKill({ access, journal, since, stop, after, to: application.url });
        await scene.sender.idle();
        const report = await recover({ ...scene.options(), since });
        await scene.sender.idle();
        expect(report.outcome, end).not.toBe('incomplete');
        expect(verdict(scene), end).toEqual({ lost: [], twice: [] });
        // Only the one delivery that was asked for when it died may be asked for once more: at Stripe, which does not know of it.
        const repeated = [...redeliveries(scene).values()].filter((count) => count > 1);
        expect(repeated.length, end).toBeLessThanOrEqual(name === 'stripe' ? 1 : 0);
        return end;
      };
      const WIDTH = 6;
      for (let stop = 1; !points.some((end) => end.startsWith('done')); stop += WIDTH) {
        points.push(...(await Promise.all(Array.from({ length: WIDTH }, (_, index) => cuts(stop + index)))));
      }
      expect(points.filter((end) => end.startsWith('stopped')).length).toBeGreaterThan(after ? 2 : 15);
      expect(points.every((end) => /^(?:stopped|done)/.test(end))).toBe(true);
    },
  );
});
