import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretSetInput } from '@countersign/core';
import {
  dropPrevious,
  type FleetOptions,
  type FleetSource,
  type FleetView,
  fileTarget,
  fleet,
  isRotationError,
  vendors,
  waitUntilOldMayGo,
} from '@countersign/rotation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { portOf } from '../../../test/support/listen.ts';
import { type FleetReceiver, startFleetReceiver } from './support/fleet-instance.ts';

const OLD = 'old-secret-3f9a1c77e0b24d5d3f9a1c77';
const NEW = 'new-secret-8c41d2ab90ff77e38c41d2ab';
const BEFORE: SecretSetInput = { current: { secret: OLD, id: 'old' } };
const AFTER: SecretSetInput = {
  current: { secret: NEW, id: 'new' },
  previous: { secret: OLD, id: 'old', notAfter: '2031-01-01T00:00:00Z' },
};
const START = Date.UTC(2030, 0, 1);
const UNUSED = 3600;
const HOUR = 3600;

const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function start(name: string, startAt = START): Promise<FleetReceiver> {
  const receiver = await startFleetReceiver(name, BEFORE, startAt);
  closings.push(() => receiver.close());
  return receiver;
}

const pass = (receivers: readonly FleetReceiver[], seconds: number): Promise<unknown> =>
  Promise.all(receivers.map(({ clock }) => clock.advance(seconds * 1000)));

const look = (receivers: readonly FleetReceiver[], options: FleetOptions = {}): Promise<FleetView> =>
  fleet(
    receivers.map(({ healthUrl }) => healthUrl),
    { unusedSeconds: UNUSED, timeoutSeconds: 30, ...options },
  );

/** A server that responds every request like this; returns its address. */
async function serve(respond: (response: import('node:http').ServerResponse) => void): Promise<string> {
  const server = createServer((_request, response) => respond(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closings.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${portOf(server)}/health`;
}

describe('the view of several receivers', () => {
  let a: FleetReceiver;
  let b: FleetReceiver;
  let c: FleetReceiver;

  beforeEach(async () => {
    // Their clocks differ by hours.
    [a, b, c] = await Promise.all([
      start('a'),
      start('b', START + 5 * 3_600_000),
      start('c', START - 7 * 3_600_000),
    ]);
  });

  it('says who has which key, and who lags and lacks the new one', async () => {
    await Promise.all([a.load(AFTER), b.load(AFTER)]);
    await a.deliver(NEW, '{"n":1}');
    const view = await look([a, b, c]);
    expect(view).toMatchObject({ current: ['new', 'old'], mayDrop: false });
    expect(view.instances).toMatchObject([
      {
        name: 'a',
        state: 'reached',
        time: new Date(START),
        keys: [
          { id: 'new', role: 'current', matches: 1, lastMatchAt: new Date(START), unusedSeconds: 0 },
          { id: 'old', role: 'previous', matches: 0, lastMatchAt: undefined },
        ],
      },
      { name: 'b', state: 'reached', time: new Date(START + 5 * 3_600_000) },
      { name: 'c', state: 'reached', keys: [{ id: 'old', role: 'current' }], lacks: ['new'] },
    ]);
    expect(view.old).toMatchObject([{ id: 'old', verdict: 'in-use', mayGoInSeconds: undefined }]);
    expect(view.old[0]?.reasons).toEqual(
      expect.arrayContaining(['c lacks the key new.', 'It is not an old key in c.']),
    );
  });

  it('says who matched the old key and when, by the clock of that instance', async () => {
    await pass([a, b, c], 2 * UNUSED);
    expect(await b.deliver(OLD, '{"n":1}')).toBe(204);
    await Promise.all([a, b, c].map((one) => one.load(AFTER)));
    await pass([a, b, c], 600);
    const view = await look([a, b, c]);
    expect(view.old).toEqual([
      {
        id: 'old',
        verdict: 'in-use',
        instances: ['a', 'b', 'c'],
        lastUse: { instance: 'b', secondsAgo: 600 },
        reasons: ['b matched it 600 s ago.'],
        mayGoInSeconds: UNUSED - 600,
      },
    ]);
    expect(view.text()).toContain('The old key old must stay. b matched it 600 s ago. It may go in 3000 s');

    await pass([a, b, c], UNUSED - 600);
    expect((await look([a, b, c])).old[0]?.verdict).toBe('in-use');
    await pass([a, b, c], 1);
    const later = await look([a, b, c]);
    expect(later.old).toMatchObject([{ verdict: 'may-go', reasons: [], mayGoInSeconds: 0 }]);
    expect(later.mayDrop).toBe(true);
    expect(later.text()).toContain('The old key old may go.');
  });

  it('never lets the old key go while an instance is down', async () => {
    await Promise.all([a, b, c].map((one) => one.load(AFTER)));
    await pass([a, b, c], 10 * UNUSED);
    await c.stop();
    const view = await look([a, b, c]);
    expect(view.instances[2]).toMatchObject({
      state: 'unknown',
      name: c.healthUrl,
      why: expect.stringMatching(/can't be asked/),
    });
    expect(view.old).toMatchObject([{ verdict: 'unknown', mayGoInSeconds: undefined }]);
    expect(view.mayDrop).toBe(false);
    expect(view.text()).toMatch(/It is not known whether the old key old may go\. Nothing is known of http/);
  });

  it('does not take the fresh counts of a restarted instance for disuse', async () => {
    await Promise.all([a, b, c].map((one) => one.load(AFTER)));
    await pass([a, b, c], UNUSED - 10);
    // Its last use is forgotten with the process.
    await b.deliver(OLD, '{"n":1}');
    await b.restart();
    await pass([a, b, c], 20);
    const view = await look([a, b, c]);
    expect(view.instances[1]).toMatchObject({
      keys: [{ id: 'new' }, { id: 'old', matches: 0, unusedSeconds: 20 }],
    });
    expect(view.old).toMatchObject([
      { verdict: 'unknown', reasons: ['b has counted for only 20 s.'], mayGoInSeconds: UNUSED - 20 },
    ]);
    await pass([a, b, c], UNUSED);
    expect((await look([a, b, c])).mayDrop).toBe(true);
  });

  it('with a token, which goes to no other host', async () => {
    await look([a], { token: 'secret-token-of-enough-characters' });
    expect(a.asked).toEqual([{ authorization: 'Bearer secret-token-of-enough-characters' }]);
    const redirect = await serve((response) => response.writeHead(307, { location: a.healthUrl }).end());
    const view = await fleet([redirect], { token: 'secret-token-of-enough-characters' });
    expect(view.instances).toMatchObject([{ state: 'unknown', why: 'it responded with the status 307' }]);
    expect(a.asked).toHaveLength(1);
  });

  it('sees after a rotation that no instance has loaded the new set yet', async () => {
    await pass([a, b, c], 2 * UNUSED);
    expect((await look([a, b])).mayDrop).toBe(true);
    const rotated = { current: 'new', previous: { id: 'old', notAfter: new Date(START) } };
    const stale = await look([a, b], { rotated });
    expect(stale).toMatchObject({ current: ['new', 'old'], mayDrop: false });
    expect(stale.instances).toMatchObject([{ lacks: ['new'] }, { lacks: ['new'] }]);
    expect(stale.text()).toContain('a lacks the key new.');
    // Both sign, as while an endpoint is replaced.
    await Promise.all([a, b].map((one) => one.load({ current: [BEFORE.current, AFTER.current].flat() })));
    expect((await look([a, b])).mayDrop).toBe(true);
    const both = await look([a, b], { rotated });
    expect(both).toMatchObject({ mayDrop: false, old: [{ id: 'old', verdict: 'in-use' }] });
    await Promise.all([a, b].map((one) => one.load(AFTER)));
    expect((await look([a, b], { rotated })).mayDrop).toBe(true);
  });

  it('does not let anything go while an instance lacks the new key', async () => {
    await Promise.all([a, b].map((one) => one.load({ current: { secret: NEW, id: 'new' } })));
    const view = await look([a, b, c]);
    expect(view).toMatchObject({ old: [], mayDrop: false });
    expect(view.text()).toContain('No old key is known, but not every instance has the new one.');
  });

  it('from the health of verifiers in this process, also as JSON, and from functions', async () => {
    await Promise.all([a.load(AFTER), b.load(AFTER), c.load(AFTER)]);
    const now = { ...a.clock };
    const sources: FleetSource[] = [
      a.health(),
      JSON.parse(JSON.stringify(a.health())),
      () => a.health(),
      async () => ({ instance: 'named', time: new Date(START), verifiers: { hooks: a.health() } }),
      () => Promise.reject(new Error('canary')),
    ];
    const view = await fleet(sources, { clock: now });
    expect(view.instances.map(({ name, state }) => [name, state])).toEqual([
      ['instance 1', 'reached'],
      ['instance 2', 'reached'],
      ['instance 3', 'reached'],
      ['named', 'reached'],
      ['instance 5', 'unknown'],
    ]);
    expect(JSON.stringify(view)).not.toContain('canary');
  });

  it('an instance that two URLs lead to hides another one', async () => {
    await a.load(AFTER);
    await pass([a], 2 * UNUSED);
    const view = await look([a, a]);
    expect(view.instances[1]).toMatchObject({ state: 'unknown', why: expect.stringMatching(/two sources/) });
    expect(view.mayDrop).toBe(false);
  });
});

describe('an instance is unknown if', () => {
  const health = { secrets: { keys: [{ id: 'new', role: 'current', matches: 0 }] } };
  const report = { instance: 'x', time: new Date().toISOString(), verifiers: { hooks: health } };

  it.each<[string, RegExp, (response: import('node:http').ServerResponse) => void]>([
    ['it responds with another status', /status 404/, (response) => response.writeHead(404).end('{}')],
    ['it responds with something else', /not the health/, (response) => response.end('<html>')],
    ['it never responds', /not respond in time/, () => undefined],
    ['it breaks off', /can't be asked/, (response) => response.destroy()],
    ['its report has no time', /no time/, (response) => response.end(JSON.stringify({ ...report, time: 7 }))],
    [
      'it has several verifiers',
      /2 verifiers \(hooks, more\)/,
      (response) => response.end(JSON.stringify({ ...report, verifiers: { hooks: health, more: health } })),
    ],
    [
      'it has no keys',
      /not ready/,
      (response) =>
        response
          .writeHead(503)
          .end(JSON.stringify({ ...report, verifiers: { hooks: { secrets: { keys: [] } } } })),
    ],
    [
      'its endpoint is disabled',
      /disabled/,
      (response) =>
        response.end(JSON.stringify({ ...report, verifiers: { hooks: { ...health, state: 'disabled' } } })),
    ],
    [
      'a count has no time',
      /not the health/,
      (response) =>
        response.end(JSON.stringify({ secrets: { keys: [{ id: 'new', role: 'previous', matches: 3 }] } })),
    ],
    ['its health has no report around it', /no time/, (response) => response.end(JSON.stringify(health))],
    ['it pours', /too large/, (response) => response.end(Buffer.alloc(5 * 1024 * 1024, ' '))],
  ])('%s', async (_what, why, respond) => {
    const view = await fleet([await serve(respond)], { timeoutSeconds: respond.length === 0 ? 0.3 : 30 });
    expect(view.instances).toMatchObject([{ state: 'unknown', why: expect.stringMatching(why) }]);
    expect(view.mayDrop).toBe(false);
  });

  it.each<[string, number, Record<string, number>, boolean]>([
    ['its report was kept by a file', 48 * HOUR, { date: 0 }, false],
    ['its report was kept by a cache that says so', 48 * HOUR, { date: 48 * HOUR, age: 48 * HOUR }, false],
    ['its report was kept, and the response has no date', 48 * HOUR, {}, false],
    ['its report is newer than the response', -HOUR, { date: 0 }, false],
    ['or known: its report was made for this request', 0, { date: 0 }, true],
    ['or known: its clock is wrong by hours', 7 * HOUR, { date: 7 * HOUR }, true],
  ])('%s', async (_what, timeAgo, stamps, isKnown) => {
    const at = (secondsAgo: number): Date => new Date(Date.now() - secondsAgo * 1000);
    const old = { id: 'old', role: 'previous', matches: 0, countedSince: at(timeAgo + 10 * 86_400) };
    const verifiers = { hooks: { secrets: { keys: [...health.secrets.keys, old] } } };
    const asked: (string | undefined)[] = [];
    const url = await serve((response) => {
      asked.push(response.req.headers['cache-control']);
      response.sendDate = false;
      if (stamps.date !== undefined) response.setHeader('date', at(stamps.date).toUTCString());
      if (stamps.age !== undefined) response.setHeader('age', stamps.age);
      response.end(JSON.stringify({ instance: 'x', time: at(timeAgo), verifiers }));
    });
    const view = await fleet([url], { timeoutSeconds: 30 });
    expect(view.mayDrop).toBe(isKnown);
    expect(view.instances).toMatchObject([
      isKnown ? { state: 'reached' } : { state: 'unknown', name: 'x', why: expect.stringMatching(/kept/) },
    ]);
    expect(asked).toEqual(['no-cache']);
  });

  it('a report that was passed to it is old', async () => {
    const kept = { ...report, time: new Date(Date.now() - HOUR * 1000) };
    for (const source of [kept, () => kept]) {
      expect((await fleet([source])).instances).toMatchObject([
        { state: 'unknown', why: expect.stringMatching(/3600 s older than the clock of this machine/) },
      ]);
    }
  });

  it('it does not say since when it counts', async () => {
    const old = { id: 'old', role: 'previous', matches: 0 };
    const view = await fleet([{ secrets: { keys: [...health.secrets.keys, old] } }]);
    expect(view.old).toMatchObject([
      { verdict: 'unknown', reasons: [expect.stringMatching(/since when it counts/)] },
    ]);
  });

  it('"verifier" names one, by its name or its endpoint', async () => {
    const two = { ...report, verifiers: { one: { ...health, endpoint: 'stripe' }, two: health } };
    expect((await fleet([two], { verifier: 'two' })).instances).toMatchObject([{ state: 'reached' }]);
    expect((await fleet([two], { verifier: 'stripe' })).instances).toMatchObject([{ state: 'reached' }]);
    expect((await fleet([two], { verifier: 'none' })).instances).toMatchObject([
      { why: expect.stringMatching(/no verifier "none"/) },
    ]);
  });

  it('wrong options are named', async () => {
    await expect(fleet([])).rejects.toThrow(/list of all instances/);
    await expect(fleet([report], { unusedSeconds: Number.NaN })).rejects.toThrow(/"unusedSeconds"/);
    await expect(fleet([report], { unused: 7 } as never)).rejects.toThrow(
      /"unused"\. Did you mean "unusedSeconds"/,
    );
  });
});

describe('waiting until the old key may go', () => {
  it('ends when no instance has used it for long enough, and shows every view', async () => {
    const [a, b] = await Promise.all([start('a'), start('b')]);
    await Promise.all([a, b].map((one) => one.load(AFTER)));
    const views: FleetView[] = [];
    const urls = [a, b].map(({ healthUrl }) => healthUrl);
    let used = false;
    const { outcome, view } = await waitUntilOldMayGo(urls, {
      unusedSeconds: UNUSED,
      timeoutSeconds: 30,
      everySeconds: 0.01,
      waitSeconds: 600,
      onView(seen) {
        views.push(seen);
        void (async () => {
          if (views.length === 3) {
            await b.deliver(OLD, '{"n":1}');
            used = true;
          }
          await pass([a, b], 900);
        })();
        throw new Error('an observer must not end the wait');
      },
    });
    expect(outcome).toBe('may-go');
    expect(used).toBe(true);
    expect(view).toBe(views.at(-1));
    expect(views.length).toBeGreaterThan(4);
    expect(views.slice(0, -1).every(({ mayDrop }) => !mayDrop)).toBe(true);
  });

  it('is bounded, and can be aborted', async () => {
    const a = await start('a');
    await a.load(AFTER);
    const options = { unusedSeconds: UNUSED, everySeconds: 0.02, timeoutSeconds: 30 };
    expect((await waitUntilOldMayGo([a.healthUrl], { ...options, waitSeconds: 0.1 })).outcome).toBe(
      'timed-out',
    );
    const abort = new AbortController();
    const waiting = waitUntilOldMayGo([a.healthUrl], {
      ...options,
      waitSeconds: 600,
      signal: abort.signal,
      onView: () => abort.abort(),
    });
    expect((await waiting).outcome).toBe('aborted');
  });
});

describe('dropping the old key', () => {
  let directory: string;
  let path: string;
  let a: FleetReceiver;
  let b: FleetReceiver;
  const vendor = vendors.polyai({ endpointId: 'whe_1', apiKey: 'unused', baseUrl: 'http://127.0.0.1:9' });
  const stored = () => JSON.parse(readFileSync(path, 'utf8'));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'countersign-fleet-'));
    path = join(directory, 'secrets.json');
    await writeFile(path, JSON.stringify(AFTER));
    [a, b] = await Promise.all([start('a'), start('b')]);
    await Promise.all([a, b].map((one) => one.load(AFTER)));
    closings.push(() => rm(directory, { recursive: true, force: true }));
  });

  const drop = (options: Partial<Parameters<typeof dropPrevious>[0]> = {}) =>
    dropPrevious({
      vendor,
      target: fileTarget(path),
      instances: [a.healthUrl, b.healthUrl],
      unusedSeconds: UNUSED,
      timeoutSeconds: 30,
      audit: join(directory, 'audit.jsonl'),
      ...options,
    });

  async function refusal(dropping: Promise<unknown>): Promise<{ code: string; message: string }> {
    const error = await dropping.catch((thrown: unknown) => thrown);
    if (!isRotationError(error)) return expect.fail(`not refused: ${JSON.stringify(error)}`);
    return error;
  }

  it('is refused while an instance uses it, or is not known', async () => {
    await pass([a, b], 2 * UNUSED);
    await b.deliver(OLD, '{"n":1}');
    expect(await refusal(drop())).toMatchObject({
      code: 'ERR_ROTATION_OLD_IN_USE',
      message: expect.stringMatching(/old must stay: b matched it 0 s ago/),
    });
    await pass([a, b], 2 * UNUSED);
    await b.stop();
    expect(await refusal(drop())).toMatchObject({
      code: 'ERR_ROTATION_OLD_IN_USE',
      message: expect.stringMatching(/Nothing is known/),
    });
    expect(stored()).toEqual(AFTER);
  });

  it('is refused if the instances load another set, and for an incomplete description', async () => {
    const other = {
      current: { secret: 'another-current-secret', id: 'x' },
      previous: { secret: OLD, id: 'y' },
    };
    await writeFile(path, JSON.stringify(other));
    await pass([a, b], 2 * UNUSED);
    expect(await refusal(drop())).toMatchObject({
      code: 'ERR_ROTATION_OLD_IN_USE',
      message: expect.stringMatching(/a does not have the current key \S+ of the target\. b does/),
    });
    expect(stored()).toEqual(other);
    await expect(drop({ vendor: { name: 'polyai', endpointId: 'whe_1' } as never })).rejects.toThrow(
      /"secret", the format of its secrets/,
    );
  });

  it('needs of the vendor only what decodes its secrets', async () => {
    await pass([a, b], 2 * UNUSED);
    const owner = { name: 'polyai', endpointId: 'hooks', secret: { encoding: 'utf8' } } as const;
    expect(await drop({ vendor: owner })).toMatchObject({ outcome: 'dropped', dropped: ['old'] });
  });

  it('removes it from the target, in which nothing else changes, and leaves a line in the audit', async () => {
    await pass([a, b], 2 * UNUSED);
    const more = { secret: 'another-secret-of-enough-bytes', id: 'next', notBefore: '2031-01-01T00:00:00Z' };
    writeFileSync(
      path,
      JSON.stringify({ ...AFTER, next: more, rotating: { until: '2030-01-01T01:00:00Z' } }),
    );
    const report = await drop({ actor: 'operator' });
    expect(report).toMatchObject({
      outcome: 'dropped',
      dropped: ['old'],
      kept: [],
      audit: { state: 'written' },
    });
    expect(stored()).toEqual({
      current: AFTER.current,
      next: [more],
      rotating: { until: '2030-01-01T01:00:00Z' },
      version: expect.any(String),
    });
    const line = JSON.parse(readFileSync(join(directory, 'audit.jsonl'), 'utf8'));
    expect(line).toMatchObject({
      action: 'drop-previous',
      outcome: 'dropped',
      actor: 'operator',
      replaces: 'old',
    });
    expect(JSON.stringify([report, line])).not.toContain(OLD);
    expect(await readdir(directory)).toEqual(['audit.jsonl', 'secrets.json']);

    // The receivers refuse it from then on.
    await a.load(stored());
    expect(await a.deliver(OLD, '{"n":2}')).not.toBe(204);
    expect(await drop()).toMatchObject({ outcome: 'nothing-to-drop', dropped: [] });
  });

  it('is refused while another run holds the lock, and after a rotation that was stopped', async () => {
    await pass([a, b], 2 * UNUSED);
    const note = {
      format: 1,
      vendor: 'polyai',
      endpointId: 'whe_1',
      target: `file ${path}`,
      step: 'calling',
    };
    const entry = { ...note, at: '2030-01-01T00:00:00Z', replaces: 'old', place: 0 };
    await writeFile(`${path}.rotation`, JSON.stringify(entry));
    expect(await refusal(drop())).toMatchObject({ code: 'ERR_ROTATION_UNFINISHED' });
    await rm(`${path}.rotation`);

    const { fileJournal } = await import('@countersign/rotation');
    const lock = await fileJournal(`${path}.rotation`).lock();
    expect(await refusal(drop())).toMatchObject({ code: 'ERR_ROTATION_LOCKED' });
    if ('release' in lock) await lock.release();
    expect(stored()).toEqual(AFTER);
  });

  it('is refused if the instances load the set of another webhook, or another version of this one', async () => {
    const other = { current: { secret: 'secret-of-another-webhook', id: 'other' } };
    await Promise.all([a, b].map((one) => one.load(other)));
    await pass([a, b], 2 * UNUSED);
    const message = expect.stringMatching(
      /^The old secret old must stay: a does not have the current key new/,
    );
    expect(await refusal(drop())).toMatchObject({ code: 'ERR_ROTATION_OLD_IN_USE', message });
    // The target was rotated again, and both instances have not loaded that yet.
    await Promise.all([a, b].map((one) => one.load(AFTER)));
    await pass([a, b], 2 * UNUSED);
    const again = {
      current: { secret: 'newest-secret-of-enough-bytes', id: 'newest' },
      previous: AFTER.previous,
    };
    writeFileSync(path, JSON.stringify(again));
    expect(await refusal(drop())).toMatchObject({
      code: 'ERR_ROTATION_OLD_IN_USE',
      message: expect.stringMatching(/a does not have the current key newest .* b does not have/),
    });
    expect(stored()).toEqual(again);
  });

  it('keeps a second old key that is still in use', async () => {
    const older = { secret: 'older-secret-of-enough-bytes', id: 'older' };
    const three = { current: AFTER.current, previous: [{ secret: OLD, id: 'old' }, older] };
    writeFileSync(path, JSON.stringify(three));
    await Promise.all([a, b].map((one) => one.load(three)));
    await pass([a, b], 2 * UNUSED);
    await a.deliver(OLD, '{"n":1}');
    expect(await drop()).toMatchObject({
      dropped: ['older'],
      kept: [{ id: 'old', reasons: ['a matched it 0 s ago.'] }],
    });
    expect(stored().previous).toEqual([{ secret: OLD, id: 'old' }]);
  });
});
