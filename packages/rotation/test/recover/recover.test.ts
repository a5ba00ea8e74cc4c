import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { isRecoveryError, type RecoveryStep, recover } from '@countersign/rotation';
import { describe, expect, it, vi } from 'vitest';
import { openScene, outage, type Scene, verdict } from '../support/recovery.ts';
import { SENDERS } from '../support/recovery-access.ts';

const TIMEOUT = 60_000;

/** Calls of the API other than those that read a list or the endpoint. */
function redeliveries({ sender, name }: Scene): string[] {
  const pattern = name === 'stripe' ? /^GET \/v1\/events\/evt_/ : /^POST /;
  return sender.api.calls().flatMap(({ call }) => (pattern.test(call) ? call : []));
}

describe.each(SENDERS)('recover() from %s', { timeout: TIMEOUT }, (name) => {
  it('has everything sent again that was missed in half an hour, once, with a call each', async () => {
    const scene = await openScene(name);
    await outage(scene);
    await scene.sender.idle();
    expect(verdict(scene).lost).toHaveLength(30);
    const report = await recover(scene.options());
    await scene.sender.idle();
    expect(report).toMatchObject({ outcome: 'recovered', missed: 30, resent: 30, skipped: 0 });
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
    expect(report.calls).toBeLessThanOrEqual(report.missed + report.pages);
    expect(scene.sender.api.calls()).toHaveLength(report.calls);
    expect(report.message).toMatch(/30 deliveries were missed, 30 sent again\.$/);
  });

  it('reads all pages', async () => {
    const scene = await openScene(name);
    const count = name === 'svix' ? 260 : 110;
    await outage(scene, { before: 0, during: count, after: 0 });
    await scene.sender.idle();
    const report = await recover(scene.options());
    await scene.sender.idle();
    expect(report).toMatchObject({ missed: count, resent: count });
    expect(report.pages).toBe(name === 'stripe' ? 3 : 2);
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });

  it('asks for nothing when it is run again', async () => {
    const scene = await openScene(name);
    await outage(scene, { during: 5 });
    await scene.sender.idle();
    await recover(scene.options());
    const asked = redeliveries(scene);
    await recover(scene.options());
    expect(redeliveries(scene)).toEqual(asked);
    await scene.sender.idle();
    expect(await recover(scene.options())).toMatchObject({ resent: 0 });
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });

  it('lists what it would do, and sends nothing, in a dry run', async () => {
    const scene = await openScene(name);
    await outage(scene, { during: 4 });
    await scene.sender.idle();
    const { journal, to, ...options } = scene.options();
    const plan = await recover({ ...options, dryRun: true });
    expect(plan).toMatchObject({ outcome: 'planned', uncertain: [] });
    expect(plan.missed).toHaveLength(4);
    const times = plan.missed.map(({ createdAt }) => createdAt.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(redeliveries(scene)).toEqual([]);
    await expect(stat(journal)).rejects.toThrow('ENOENT');
    expect(verdict(scene).lost).toHaveLength(4);
  });

  it('runs nothing twice while the sender, or a person, sends the same deliveries again', async () => {
    const scene = await openScene(name, undefined, { retriesAfterMs: name === 'github' ? [] : [1] });
    scene.application.handler = () => new Promise((resolve) => setTimeout(resolve, 50));
    await outage(scene, { before: 2, during: 12, after: 0 });
    await scene.sender.idle();
    const running = recover(scene.options());
    await vi.waitFor(() => expect(redeliveries(scene).length).toBeGreaterThan(0), { timeout: 30_000 });
    scene.sender.repeatAll();
    await running;
    scene.sender.repeatAll();
    await scene.sender.idle();
    // What met a run of the same delivery was told to come back, and the sender does.
    const last = await recover(scene.options());
    await scene.sender.idle();
    expect(last.failed).toEqual([]);
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });

  it('asks again for what failed again', async () => {
    const scene = await openScene(name);
    await outage(scene, { before: 0, during: 3, after: 0 });
    await scene.sender.idle();
    scene.application.handler = () => {
      throw new Error('not yet');
    };
    const first = await recover({ ...scene.options(), clock: fastClock(0) });
    await scene.sender.idle();
    scene.application.handler = () => undefined;
    // The handler ran, failed and released the delivery: it may run again.
    scene.application.runs.clear();
    if (name === 'stripe') expect(first).toMatchObject({ outcome: 'incomplete', resent: 0 });
    else expect(first).toMatchObject({ outcome: 'recovered', resent: 3 });
    const clock = fastClock(11 * 60_000);
    // Svix and Resend do not say how often they tried: after ten minutes they are asked again.
    await recover({ ...scene.options(), ...(name === 'github' || name === 'stripe' ? {} : { clock }) });
    await scene.sender.idle();
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });

  it('waits for the rate limit, and stays within it', async () => {
    const scene = await openScene(name);
    await outage(scene, { before: 0, during: 7, after: 0 });
    await scene.sender.idle();
    scene.sender.api.limit(4, 1500);
    const steps: RecoveryStep[] = [];
    const report = await recover({ ...scene.options(), onStep: (step) => steps.push(step) });
    await scene.sender.idle();
    expect(report).toMatchObject({ outcome: 'recovered', resent: 7 });
    expect(report.calls).toBeLessThanOrEqual(report.missed + report.pages);
    const refused = scene.sender.api.calls().filter(({ status }) => status === 429 || status === 403);
    // A sender that says how much is left is never asked for more.
    if (name === 'github' || name === 'resend') expect(refused).toEqual([]);
    else expect(steps.some(({ step }) => step === 'waiting')).toBe(true);
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });

  it('stops at a long rate limit, says when to run again, and then goes on', async () => {
    const scene = await openScene(name);
    await outage(scene, { before: 0, during: 4, after: 0 });
    await scene.sender.idle();
    scene.sender.api.limit(3, 600_000);
    const run = recover({ ...scene.options(), maxWaitSeconds: name === 'stripe' ? 0.1 : 2 });
    const error = await run.catch((thrown: unknown) => thrown);
    if (!isRecoveryError(error)) expect.fail(String(error));
    expect(error.code).toBe('ERR_RECOVERY_RATE_LIMITED');
    expect(error.retryAt?.getTime()).toBeGreaterThan(Date.now());
    const done = error.progress?.resent ?? 0;
    expect(error.progress).toMatchObject({ missed: 4 });
    scene.sender.api.limit(1000, 1000);
    await scene.sender.idle();
    await recover(scene.options());
    await scene.sender.idle();
    expect(done).toBeGreaterThan(0);
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });

  it('reads a list again after a temporary failure', async () => {
    const scene = await openScene(name);
    await outage(scene, { before: 0, during: 2, after: 0 });
    await scene.sender.idle();
    scene.sender.api.failNext(502, 2);
    expect(await recover(scene.options())).toMatchObject({ outcome: 'recovered', resent: 2 });
  });

  it('writes no credential, secret or delivery to the journal', async () => {
    const scene = await openScene(name);
    await outage(scene, { before: 0, during: 2, after: 0 });
    await scene.sender.idle();
    await recover(scene.options());
    const text = await readFile(scene.journal, 'utf8');
    expect(text).toMatch(/"state":"sent"/);
    for (const value of [scene.sender.secret, scene.sender.access.token, scene.sender.access.apiKey]) {
      if (value !== undefined) expect(text).not.toContain(value);
    }
    expect(text).not.toContain('sequence');
  });

  it('says that nothing was missed', async () => {
    const scene = await openScene(name);
    await outage(scene, { before: 3, during: 0, after: 0 });
    await scene.sender.idle();
    expect(await recover(scene.options())).toMatchObject({ outcome: 'nothing-missed', missed: 0, resent: 0 });
  });

  it('leaves out what lies outside of the window', async () => {
    const scene = await openScene(name);
    await outage(scene, { before: 0, during: 10, after: 0 });
    await scene.sender.idle();
    const until = new Date(Date.now() - 20 * 60_000);
    const { missed } = await recover({ ...scene.options(), until, dryRun: true });
    const expected = scene.sender.events().filter(({ createdAt }) => createdAt <= until);
    expect(expected.length).toBeGreaterThan(2);
    expect(missed).toHaveLength(expected.length);
  });
});

describe('recover()', { timeout: TIMEOUT }, () => {
  it('refuses a second run at the same time', async () => {
    const scene = await openScene('github');
    await outage(scene, { before: 0, during: 3, after: 0 });
    let second: unknown;
    const first = recover({
      ...scene.options(),
      onStep({ step }) {
        if (step === 'listed') second = recover(scene.options()).catch((error: unknown) => error);
      },
    });
    await vi.waitFor(() => expect(second).toBeDefined());
    expect(await second).toMatchObject({ code: 'ERR_RECOVERY_LOCKED' });
    expect(await first).toMatchObject({ resent: 3 });
  });

  it('stops when it is aborted, and goes on with the next run', async () => {
    const scene = await openScene('resend');
    await outage(scene, { before: 0, during: 6, after: 0 });
    await scene.sender.idle();
    const abort = new AbortController();
    let resent = 0;
    const run = recover({
      ...scene.options(),
      signal: abort.signal,
      onStep: ({ step }) => {
        if (step === 'resent' && ++resent === 2) abort.abort();
      },
    });
    await expect(run).rejects.toMatchObject({
      code: 'ERR_RECOVERY_ABORTED',
      progress: { missed: 6, resent: 2 },
    });
    await scene.sender.idle();
    expect(await recover(scene.options())).toMatchObject({ resent: 4 });
    await scene.sender.idle();
    expect(verdict(scene)).toEqual({ lost: [], twice: [] });
  });

  it('keeps one delivery that fails from stopping the others, and stops after five in a row', async () => {
    const scene = await openScene('github');
    await outage(scene, { before: 0, during: 8, after: 0 });
    let listed = false;
    const onStep = ({ step }: RecoveryStep) => {
      if (step === 'listed' && !listed) scene.sender.api.failNext(500);
      listed ||= step === 'listed';
    };
    const report = await recover({ ...scene.options(), onStep });
    expect(report).toMatchObject({ outcome: 'incomplete', resent: 7 });
    expect(report.failed).toEqual([
      {
        delivery: expect.anything(),
        reason: expect.stringMatching(/github failed \(status 500, request C0FF:EE\)/),
      },
    ]);
    await scene.sender.idle();
    expect(await recover(scene.options())).toMatchObject({ resent: 1 });
    await outage(scene, { before: 0, during: 8, after: 0 });
    const broken = recover({
      ...scene.options(),
      onStep: ({ step }) => step === 'listed' && scene.sender.api.failNext(500, 50),
    });
    await expect(broken).rejects.toMatchObject({ code: 'ERR_RECOVERY_VENDOR_FAILED', status: 500 });
  });

  it('needs no second call if the response to the first was lost and the sender knows idempotency keys', async () => {
    const scene = await openScene('svix');
    await outage(scene, { before: 0, during: 2, after: 0 });
    await scene.sender.idle();
    scene.application.down = true;
    let listed = false;
    const onStep = ({ step }: RecoveryStep) => {
      if (step === 'listed' && !listed) scene.sender.api.loseAnswerNext();
      listed ||= step === 'listed';
    };
    await recover({ ...scene.options(), onStep });
    await scene.sender.idle();
    const attempts = scene.sender.events().map((event) => event.attempts.length);
    await recover(scene.options());
    await scene.sender.idle();
    expect(scene.sender.events().map((event) => event.attempts.length)).toEqual(attempts);
  });

  it('does not send what receivers may have forgotten, unless the application says that it was not handled', async () => {
    const scene = await openScene('stripe');
    await outage(scene, { before: 0, during: 3, after: 0 });
    const options = { ...scene.options(), rememberSeconds: 60 };
    expect(await recover(options)).toMatchObject({ outcome: 'incomplete', resent: 0, missed: 3 });
    const handled = scene.sender.events()[0]?.id;
    const report = await recover({ ...options, wasHandled: ({ id }) => id === handled });
    expect(report).toMatchObject({ outcome: 'recovered', resent: 2, skipped: 1 });
    expect(verdict(scene)).toEqual({ lost: [1], twice: [] });
  });

  it.each(SENDERS)(
    'starts nothing if another process holds the journal of %s, or it belongs to another',
    async (name) => {
      const scene = await openScene(name);
      const other = {
        ...(await openScene(name === 'github' ? 'svix' : 'github')).options(),
        journal: scene.journal,
      };
      await outage(scene, { before: 0, during: 1, after: 0 });
      await scene.sender.idle();
      await recover(scene.options());
      await expect(recover(other)).rejects.toMatchObject({
        code: 'ERR_RECOVERY_JOURNAL_FAILED',
        message: expect.stringMatching(new RegExp(`belongs to ${name}`)),
      });
    },
  );

  it('does not start without a journal, and says so', async () => {
    const scene = await openScene('github');
    const { journal, ...options } = scene.options();
    await expect(recover(options)).rejects.toThrow(/"journal" must be the path of a file/);
  });

  it('says what the sender no longer keeps', async () => {
    const scene = await openScene('github');
    const report = await recover({ ...scene.options(), since: new Date(Date.now() - 5 * 86_400_000) });
    expect(report.beyondKept).toBe(true);
    expect(report.message).toMatch(/keeps deliveries for 3 days only/);
  });

  it('works with a sender of your own', async () => {
    const scene = await openScene('github');
    const own = { ...scene.options().vendor, name: 'own', list: async () => [] };
    expect(await recover({ ...scene.options(), vendor: own })).toMatchObject({ outcome: 'nothing-missed' });
  });
});

/** Twenty times as fast as the machine's, for waits. */
function fastClock(aheadMs: number): Clock {
  return {
    ...systemClock,
    now: () => Date.now() + aheadMs,
    schedule: (task, delayMs) => systemClock.schedule(task, delayMs >= 5000 ? delayMs : delayMs / 20),
  };
}
