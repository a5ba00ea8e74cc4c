import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FORGERIES } from '@countersign-internal/simulator';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readSeconds } from '../../examples/rotation/src/arguments.ts';
import { pinByBody } from '../../examples/rotation/src/balancer.ts';
import { endpoints } from '../../examples/rotation/src/endpoints.ts';
import type { Run } from '../../examples/rotation/src/messages.ts';
import { faults, type Outcome } from '../../examples/rotation/src/outcome.ts';
import { plan } from '../../examples/rotation/src/rotations.ts';
import { progressLine, Screen, table } from '../../examples/rotation/src/screen.ts';
import { SecretsFile } from '../../examples/rotation/src/secrets-file.ts';
import { summary } from '../../examples/rotation/src/summary.ts';
import { type Count, type SentEvent, Tally, total } from '../../examples/rotation/src/tally.ts';
import { RetryWaits } from '../../examples/rotation/src/waits.ts';
import { readmeCommands } from '../support/readme-commands.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-demo-test-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const NUMBERS = { retried: 0, early: 0, forgeriesRefused: 0 };

describe('the tally', () => {
  const ran = (sequence: number | undefined, rest: Partial<Run> = {}): Run => ({
    endpoint: 'ada',
    sequence,
    id: `delivery ${sequence}`,
    role: 'current',
    pid: 1,
    ...rest,
  });
  const delivered = (...sequences: number[]): SentEvent[] =>
    sequences.map((sequence) => ({ sequence, state: 'delivered' }));
  const count = (events: readonly SentEvent[], runs: readonly Run[]): Count => {
    const tally = new Tally();
    for (const run of runs) tally.ran(run);
    return tally.final('ada', events, NUMBERS);
  };

  it('finds nothing wrong if every event ran once', () => {
    expect(count(delivered(1, 2), [ran(1), ran(2)])).toMatchObject({
      sent: 2,
      handled: 2,
      lost: 0,
      twice: 0,
      forged: 0,
    });
  });

  it('counts an event as lost that the sender dropped, even if a handler saw it', () => {
    expect(count([{ sequence: 1, state: 'lost' }], [ran(1)])).toMatchObject({ lost: 1 });
  });

  it('counts an event as lost that the sender calls delivered and no handler saw', () => {
    expect(count(delivered(1, 2), [ran(2)])).toMatchObject({ handled: 1, lost: 1 });
  });

  it('counts an event as lost that is still pending at the end', () => {
    expect(count([{ sequence: 1, state: 'pending' }], [ran(1)])).toMatchObject({ lost: 1 });
  });

  it('counts an event once as run twice, however often it ran, and in whichever process', () => {
    const runs = [ran(1), ran(1, { pid: 2 }), ran(1, { role: 'previous' }), ran(2)];
    expect(count(delivered(1, 2), runs)).toMatchObject({ handled: 2, twice: 1, lost: 0 });
  });

  it('does not take the same number at two endpoints for one event', () => {
    expect(count(delivered(1), [ran(1), ran(1, { endpoint: 'polyai' })])).toMatchObject({ twice: 0 });
  });

  it.each([
    ['has a negative number', -1],
    ['has no number', undefined],
    ['has a number that was never sent', 3],
    ['has a number that is not one', Number.NaN],
  ])('counts a run as forged that %s', (_, sequence) => {
    const tally = new Tally();
    tally.ran(ran(sequence));
    expect(tally.final('ada', delivered(1, 2), NUMBERS)).toMatchObject({
      forged: 1,
      handled: 0,
      lost: 2,
    });
    expect(tally.live('ada', { ...NUMBERS, sent: 2, lost: 0 })).toMatchObject({ forged: 1, handled: 0 });
  });

  it('leaves out a run that its killed process did not note, and counts the next one', () => {
    const tally = new Tally();
    tally.ran(ran(1, { pid: 1 }));
    tally.killed(1);
    expect(tally.final('ada', delivered(1), NUMBERS)).toMatchObject({
      cut: 1,
      handled: 0,
      lost: 1,
      twice: 0,
    });
    tally.ran(ran(1, { pid: 2 }));
    expect(tally.final('ada', delivered(1), NUMBERS)).toMatchObject({
      cut: 1,
      handled: 1,
      lost: 0,
      twice: 0,
    });
    tally.ran(ran(1, { pid: 2 }));
    expect(tally.final('ada', delivered(1), NUMBERS)).toMatchObject({ twice: 1 });
  });

  it('counts a finished run that no other followed: the store remembered it in the moment of the kill', () => {
    const tally = new Tally();
    tally.ran(ran(1, { pid: 1 }));
    tally.finished({ endpoint: 'ada', id: 'delivery 1', pid: 1 });
    tally.killed(1);
    expect(tally.final('ada', delivered(1), NUMBERS)).toMatchObject({ cut: 0, handled: 1, lost: 0 });
    expect(tally.final('ada', [{ sequence: 1, state: 'lost' }], NUMBERS)).toMatchObject({ lost: 1 });
    tally.ran(ran(1, { pid: 2 }));
    expect(tally.final('ada', delivered(1), NUMBERS)).toMatchObject({ cut: 1, handled: 1, twice: 0 });
  });

  it('counts as twice what a killed process had noted and another ran again', () => {
    const tally = new Tally();
    for (const pid of [1, 2]) tally.ran(ran(1, { pid }));
    tally.noted({ endpoint: 'ada', id: 'delivery 1', pid: 1 });
    tally.killed(1);
    expect(tally.final('ada', delivered(1), NUMBERS)).toMatchObject({ cut: 0, twice: 1 });
  });

  it('shows while the run goes on what ran, by which key, and what was refused', () => {
    const tally = new Tally();
    for (const run of [ran(1), ran(2, { role: 'previous' }), ran(3, { role: 'next' }), ran(3)])
      tally.ran(run);
    const numbers = { sent: 5, retried: 4, lost: 1, early: 3, forgeriesRefused: 2 };
    expect(tally.live('ada', numbers)).toEqual({
      sent: 5,
      handled: 3,
      by: { current: 2, previous: 1, next: 1 },
      retried: 4,
      early: 3,
      forgeriesRefused: 2,
      cut: 0,
      lost: 1,
      twice: 1,
      forged: 0,
    });
  });

  it('adds the rows up', () => {
    const one = count(delivered(1, 2), [ran(1), ran(1, { role: 'previous' }), ran(-1)]);
    expect(total([one, one])).toEqual({
      sent: 4,
      handled: 2,
      by: { current: 2, previous: 2, next: 0 },
      retried: 0,
      early: 0,
      forgeriesRefused: 0,
      cut: 0,
      lost: 2,
      twice: 2,
      forged: 2,
    });
  });
});

const clean: Count = {
  sent: 1000,
  handled: 1000,
  by: { current: 900, previous: 60, next: 40 },
  retried: 5,
  early: 4,
  forgeriesRefused: 60,
  cut: 2,
  lost: 0,
  twice: 0,
  forged: 0,
};
const good: Outcome = {
  loadSeconds: 5,
  rows: [['ada', clean]],
  rotated: [{ endpoint: 'ada', secret: 'endpoint', orders: ['next first', 'announced', 'unannounced'] }],
  badPushes: [{ endpoint: 'ada', refusedBy: 2, code: 'ERR_WEBHOOK_SECRETS_INVALID', handledMeanwhile: 10 }],
  forgeries: new Map(
    FORGERIES.map((kind) => [kind, { sent: 9, refused: 9, succeeded: kind === 'replay' ? 9 : 0 }]),
  ),
  crash: { killedPid: 11, startedPid: 13, seconds: 2.5 },
  hungUp: 7,
  recovered: 6,
  waits: { count: 5, slowestMs: 2345 },
  processes: 2,
  sharesStore: true,
};

describe('the judgement', () => {
  const withCount = (change: Partial<Count>): Outcome => ({
    ...good,
    rows: [['ada', { ...clean, ...change }]],
  });

  it('finds no fault in a good run', () => {
    expect(faults(good)).toEqual([]);
  });

  it.each<[string, Outcome, RegExp]>([
    ['lost', withCount({ lost: 1 }), /1 deliveries were lost/],
    ['run twice', withCount({ twice: 1 }), /ran more than once/],
    ['forged and accepted', withCount({ forged: 1 }), /1 forged requests reached the handler/],
    [
      'rotated twice only',
      { ...good, rotated: [{ endpoint: 'ada', secret: 'endpoint', orders: ['announced', 'announced'] }] },
      /rotated 2 times only/,
    ],
    ['too little load', withCount({ sent: 99 }), /only 20 deliveries a second/],
    ['no process that was killed', { ...good, crash: undefined }, /No process was killed/],
    ['no client that hung up', { ...good, hungUp: 0 }, /No client hung up/],
    [
      'a bad push that one process took',
      { ...good, badPushes: [{ endpoint: 'ada', refusedBy: 1, code: 'none', handledMeanwhile: 10 }] },
      /refused by 1 of 2/,
    ],
    [
      'a bad push that stopped deliveries',
      { ...good, badPushes: [{ endpoint: 'ada', refusedBy: 2, code: 'x', handledMeanwhile: 0 }] },
      /nothing was handled/,
    ],
    [
      'a forgery that got a success',
      {
        ...good,
        forgeries: new Map([...good.forgeries, ['wrong-key', { sent: 9, refused: 8, succeeded: 1 }]]),
      },
      /wrong-key.*got a success/,
    ],
    [
      'a kind of forgery that was not tried',
      { ...good, forgeries: new Map([...good.forgeries, ['replay', { sent: 0, refused: 0, succeeded: 0 }]]) },
      /"replay" was sent/,
    ],
  ])('finds a fault: %s', (_, outcome, message) => {
    expect(faults(outcome)).toEqual([expect.stringMatching(message)]);
    expect(summary(outcome)).toMatch(/This run FAILED/);
    expect(summary(outcome)).not.toMatch(/No delivery was lost/);
  });

  it('says in plain words what happened, and what each number would mean', () => {
    const text = summary(good);
    expect(text).toMatch(/^ +0 {2}LOST {5}\(any other number: an event never reached the application\)$/m);
    expect(text).toMatch(/^ +0 {2}TWICE .*handled two times/m);
    expect(text).toMatch(/^ +0 {2}LET IN .*attacker/m);
    expect(text).toMatch(/^ +4 {2}times a receiver said "not now"/m);
    expect(text).toMatch(/^ +5 {2}were sent again by their sender and accepted then, within 2\.3 s/m);
    expect(text).toMatch(/^ +7 {2}times a client hung up/m);
    expect(text).toMatch(/^ +6 {2}failed at GitHub.*recover\(\)/m);
    expect(text).toMatch(/process \(11\) was killed.*\n +another \(13\) 2\.5 s later\. It had 2 deliveries/);
    expect(text).toMatch(/3 rotations of 1 secrets, each at least 3 times/);
    expect(text).toMatch(/^ +9 {2}no signature: refused$/m);
    expect(text).toMatch(/a recent genuine request again: recognized, not handled again/);
    expect(text.trimEnd().endsWith('No delivery was lost, none ran twice, no forgery was accepted.')).toBe(
      true,
    );
  });

  it('says what is not shown without a shared store', () => {
    const text = summary({ ...good, sharesStore: false, crash: undefined });
    expect(text).toMatch(/No Redis was found/);
    expect(text).not.toMatch(/was killed in the middle/);
  });

  it('fits 80 columns, also with large numbers', () => {
    const large = {
      ...clean,
      sent: 99_999,
      handled: 99_999,
      early: 99_999,
      cut: 999,
      forgeriesRefused: 99_999,
    };
    const outcome: Outcome = { ...good, loadSeconds: 3600, rows: [['agentmsg-org', large]], hungUp: 99_999 };
    for (const text of [summary(outcome), summary({ ...outcome, sharesStore: false, crash: undefined })]) {
      expect(text.split('\n').filter((line) => line.length > 79)).toEqual([]);
    }
    const line = progressLine({ elapsedSeconds: 3600, rows: [['ada', large]], rotations: 99, lastEvent: '' });
    expect(line.length).toBeLessThan(80);
  });

  it('shows in each line of progress what must not happen, and only if it does', () => {
    const view = (change: Partial<Count>) =>
      progressLine({
        elapsedSeconds: 3,
        rows: [['ada', { ...clean, ...change }]],
        rotations: 1,
        lastEvent: '',
      });
    expect(view({})).toBe('  3 s  1000 sent, 1000 handled, 60 forgeries refused, 1 rotations');
    expect(view({ lost: 1, forged: 2 })).toMatch(/ 1 LOST 2 LET IN$/);
  });
});

describe('the plan', () => {
  const all = plan(endpoints(30), 30).flat();

  it('rotates every secret of every endpoint at least three times', () => {
    for (const { name, secrets } of endpoints(30)) {
      for (const secret of secrets) {
        const rotations = all.filter(
          (step) => step.type === 'rotate' && step.endpoint === name && step.secret === secret,
        );
        expect(rotations.length, `${name} ${secret}`).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it('never rotates AgentMessage unannounced', () => {
    const orders = all.flatMap((step) =>
      step.type === 'rotate' && step.endpoint.startsWith('agentmsg') ? step.order : [],
    );
    expect(new Set(orders)).toEqual(new Set(['announced']));
  });

  it('leaves the last fifth of the load without a rotation, and keeps the steps of an endpoint in order', () => {
    for (const steps of plan(endpoints(30), 30)) {
      const times = steps.map(({ atSeconds }) => atSeconds);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(Math.max(...times)).toBeLessThan(24);
    }
  });
});

describe('the secrets file', () => {
  const read = async (file: SecretsFile): Promise<unknown> => JSON.parse(await readFile(file.path, 'utf8'));
  const later = new Date(Date.now() + 60_000);

  it('is readable by its owner alone, and leaves no other file behind', async () => {
    const file = new SecretsFile(join(directory, 'ada.json'));
    await file.create(['first']);
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['ada.json']);
    expect(await read(file)).toEqual({ current: ['first'], version: 'by hand 1' });
  });

  it('takes a new secret in the place of the old one, which it keeps as previous', async () => {
    const file = new SecretsFile(join(directory, 'agentmsg.json'));
    await file.create(['e0', 'o0']);
    await file.replace({ old: 'e0', secret: 'e1', notAfter: later });
    expect(await file.replace({ old: 'e1', secret: 'e2', notAfter: later })).toBe('by hand 3');
    expect(await read(file)).toEqual({
      current: ['e2', 'o0'],
      previous: [
        { secret: 'e1', notAfter: later.toISOString() },
        { secret: 'e0', notAfter: later.toISOString() },
      ],
      version: 'by hand 3',
    });
  });

  it('can be broken and mended', async () => {
    const file = new SecretsFile(join(directory, 'polyai.json'));
    await file.create(['first']);
    const mend = await file.breakIt();
    expect(await read(file)).toMatchObject({ current: '' });
    expect(await mend()).toBe('by hand 2');
    expect(await read(file)).toEqual({ current: ['first'], version: 'by hand 2' });
  });
});

describe('the parts around it', () => {
  it('pins equal bodies to one process, and uses both', () => {
    const pins = Array.from({ length: 64 }, (_, index) => pinByBody(Buffer.from(`body ${index}`), 2));
    expect(new Set(pins)).toEqual(new Set([0, 1]));
    expect(Array.from({ length: 64 }, (_, index) => pinByBody(Buffer.from(`body ${index}`), 2))).toEqual(
      pins,
    );
  });

  it('measures from the first refusal to the acceptance', () => {
    const waits = new RetryWaits();
    waits.attempted({ eventId: 'a', attempt: 1, final: true }, 0);
    expect(waits.count).toBe(0);
    waits.attempted({ eventId: 'b', attempt: 1, final: false }, 100);
    waits.attempted({ eventId: 'b', attempt: 2, final: false }, 200);
    waits.attempted({ eventId: 'b', attempt: 3, final: true }, 700);
    expect([waits.count, waits.slowestMs]).toEqual([1, 600]);
  });

  it('keeps the table within 80 columns', () => {
    for (const line of table([['agentmsg-org', { ...clean, sent: 99_999, handled: 99_999 }]])) {
      expect(line.length).toBeLessThan(80);
    }
  });

  it('draws the table again in place on a terminal', () => {
    vi.useFakeTimers();
    try {
      const written: string[] = [];
      const out = { isTTY: true, columns: 80, rows: 24, write: (text: string) => written.push(text) > 0 };
      const screen = new Screen(out, () => ({
        elapsedSeconds: 1,
        rows: [['ada', clean]],
        rotations: 1,
        lastEvent: 'rotated',
      }));
      screen.start();
      vi.advanceTimersByTime(600);
      screen.stop();
      const lines = (written[0] ?? '').split('\n').length - 1;
      expect(written[0]).toMatch(/ada +1000 +1000/);
      expect(written[1]).toContain(`\x1b[${lines}A`);
    } finally {
      vi.useRealTimers();
    }
  });

  it('prints lines and in the end the table if there is no terminal', () => {
    vi.useFakeTimers();
    try {
      let written = '';
      const out = {
        write: (text: string) => {
          written += text;
        },
      };
      let seconds = 0;
      const screen = new Screen(out, () => ({
        elapsedSeconds: seconds,
        rows: [['ada', clean]],
        rotations: 1,
        lastEvent: 'rotated',
      }));
      screen.start();
      for (seconds = 1; seconds <= 7; seconds++) vi.advanceTimersByTime(1000);
      screen.tell('a process was killed');
      screen.stop();
      screen.stop();
      expect(written.match(/^ +\d+ s {2}1000 sent, 1000 handled/gm)).toHaveLength(3);
      expect(written.match(/^ +\d+ s {2}\* a process was killed$/gm)).toHaveLength(1);
      expect(written.match(/^ada +1000/gm)).toHaveLength(1);
      expect(written).not.toContain('\x1b');
    } finally {
      vi.useRealTimers();
    }
  });

  it.each(['4', '3601', 'soon', ''])('refuses to run for "%s" seconds', (seconds) => {
    expect(() => readSeconds(['--seconds', seconds])).toThrow(/--seconds must be a number/);
  });
});

describe('npm run demo', { timeout: 180_000 }, () => {
  const main = fileURLToPath(new URL('../../examples/rotation/src/main.ts', import.meta.url));

  let started: ChildProcess | undefined;

  // Also after a timeout, when a test's own end never comes.
  afterEach(() => {
    started?.kill('SIGKILL');
  });

  const start = (seconds: number): { child: ChildProcess; output: () => string } => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=countersign-source', main, '--seconds', String(seconds)],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: directory } },
    );
    started = child;
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    }
    return { child, output: () => text };
  };
  const receiverPids = (output: string): number[] =>
    (/pids (\d+), (\d+)/.exec(output)?.slice(1) ?? []).map(Number);
  const leftBehind = async (): Promise<string[]> =>
    (await readdir(directory)).filter((name) => name.startsWith('countersign-'));

  it('ends with exit code 0 and a summary, and leaves nothing behind', async () => {
    const { child, output } = start(8);
    const [code] = await once(child, 'close');
    expect(code, output()).toBe(0);
    expect(output()).toMatch(/^ +0 {2}LOST .*\n +0 {2}TWICE .*\n +0 {2}LET IN /m);
    expect(output()).toMatch(/empty secret was deployed for polyai: 2 of 2 processes refused it/);
    expect(output()).toMatch(/failed at GitHub/);
    // As plain text: no colors, nothing beyond 80 columns.
    expect(output()).not.toContain('\x1b');
    expect(
      output()
        .split('\n')
        .filter((line) => line.length > 79),
    ).toEqual([]);
    // What its README shows.
    const [{ command, prints } = { command: '', prints: [] }] = readmeCommands(
      new URL('../../examples/rotation/README.md', import.meta.url),
    );
    expect(command).toMatch(/^npm start -w examples\/rotation -- --seconds \d+$/);
    expect(prints).toHaveLength(4);
    for (const line of prints) expect(output()).toMatch(line);
    expect(await leftBehind()).toEqual([]);
    const pids = receiverPids(output());
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(isRunning(pid)).toBe(false);
  });

  it('ends cleanly when it is interrupted', async () => {
    const { child, output } = start(30);
    await vi.waitFor(() => expect(output()).toMatch(/\d+ sent, /), { timeout: 60_000 });
    const pids = receiverPids(output());
    expect(pids.map(isRunning)).toEqual([true, true]);
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    expect(code).toBe(130);
    expect(output()).toMatch(/Interrupted/);
    expect(pids.map(isRunning)).toEqual([false, false]);
    expect(await leftBehind()).toEqual([]);
  });

  it('takes its receivers along when it is killed', async () => {
    const { child, output } = start(30);
    await vi.waitFor(() => expect(receiverPids(output())).toHaveLength(2), { timeout: 60_000 });
    child.kill('SIGKILL');
    const running = (): boolean[] => receiverPids(output()).map(isRunning);
    await vi.waitFor(() => expect(running()).toEqual([false, false]), { timeout: 10_000 });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
