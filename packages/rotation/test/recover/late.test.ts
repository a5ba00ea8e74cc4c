import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, createVerifier, memoryReplayStore, type Verifier } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { type RecoverOptions, type RecoveryVendor, recover } from '@countersign/rotation';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const scheme = github();
const SECRET = 'a-secret-of-enough-bytes';
const REMEMBER_SECONDS = 86_400;
const HANDLED = 'handled-before';

let aheadMs = 0;
/** Long waits are over at once, and the time is then as much later. */
const clock: Clock = {
  now: () => Date.now() + aheadMs,
  monotonic: () => performance.now() + aheadMs,
  schedule(task, delayMs) {
    const isLong = delayMs > 100_000;
    if (isLong) aheadMs += delayMs;
    const timer = setTimeout(task, isLong ? 0 : delayMs);
    return () => clearTimeout(timer);
  },
};

/** The same time, but the verifier's own limits are not over at once. */
const receiverClock: Clock = { ...clock, schedule: systemClock.schedule };

let directory: string;
let verifier: Verifier;
/** What the handler has seen. */
let runs: string[];

beforeEach(async () => {
  aheadMs = 0;
  runs = [];
  directory = await mkdtemp(join(tmpdir(), 'countersign-late-'));
  verifier = createVerifier({
    scheme,
    secrets: SECRET,
    replay: memoryReplayStore({ clock: receiverClock }),
    clock: receiverClock,
    rememberSeconds: REMEMBER_SECONDS,
    observe: () => undefined,
  });
});

afterEach(async () => {
  await verifier.close();
  await rm(directory, { recursive: true, force: true });
});

function requestOf(id: string): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify({ id });
  const more = { 'x-github-event': 'push', 'x-github-delivery': id };
  const { headers } = sign(scheme, { secret: SECRET, body, id, headers: more });
  return { headers: { ...more, ...(headers as Record<string, string>) }, body };
}

async function receive({ headers, body }: { headers: Readonly<Record<string, string>>; body: string }) {
  return verifier.handle({ method: 'POST', url: '/', headers, body: Buffer.from(body) }, (webhook) => {
    runs.push(JSON.parse(webhook.text()).id);
  });
}

/** What a sender needs that sends its deliveries itself, and what one needs whose deliveries are signed here. */
const ways: Record<string, Pick<RecoveryVendor, 'resend' | 'fetchRequest'>> = {
  itself: {
    async resend({ id }, session) {
      await session.change(`/resend/${id}`);
      await receive(requestOf(id));
    },
  },
  'through recover()': {
    async fetchRequest({ id }, session) {
      // Reading keeps to no pace, so the time passes here.
      await session.read(`/events/${id}`);
      aheadMs += 600_000;
      return requestOf(id);
    },
  },
};

describe.each(Object.entries(ways))('a sender that sends %s', (_name, way) => {
  /** Ten deliveries that were missed, and one that was handled, but whose response the sender did not get. */
  async function missed(): Promise<Omit<RecoverOptions, 'dryRun'> & { journal: string }> {
    expect((await receive(requestOf(HANDLED))).status).toBe(204);
    const at = clock.now();
    const ids = [...Array.from({ length: 10 }, (_, index) => `missed-${index}`), HANDLED];
    const listed = ids.map((id, index) => ({ id, type: 'push', createdAt: new Date(at - 10 + index) }));
    // An hour of the memory is left, and a delivery every ten minutes needs longer.
    aheadMs += (REMEMBER_SECONDS - 3600) * 1000;
    const vendor: RecoveryVendor = {
      name: 'own',
      endpointId: '1',
      baseUrl: 'http://127.0.0.1:9',
      headers: () => ({}),
      fetch: async () => new Response('{}'),
      permissions: { list: 'read', resend: 'write' },
      keptSeconds: 30 * 86_400,
      rememberSeconds: REMEMBER_SECONDS,
      paceSeconds: 600,
      resendCall: 'POST /resend',
      list: async () => listed,
      ...way,
    };
    const to =
      way.fetchRequest === undefined ? {} : { to: receive as unknown as NonNullable<RecoverOptions['to']> };
    return { vendor, since: new Date(at - 1000), journal: join(directory, 'journal'), clock, ...to };
  }

  it('sends nothing that receivers have forgotten by then', async () => {
    const report = await recover(await missed());
    expect(report.outcome).toBe('incomplete');
    expect(report.resent).toBeGreaterThanOrEqual(5);
    expect(report.resent).toBeLessThanOrEqual(6);
    expect(report.resent + report.uncertain.length).toBe(11);
    expect(report.uncertain.at(-1)?.id).toBe(HANDLED);
    expect(runs.filter((id) => id === HANDLED)).toHaveLength(1);
  });

  it('asks the application about it, and sends what was not handled', async () => {
    const asked: string[] = [];
    const wasHandled = ({ id }: { id: string }): boolean => {
      asked.push(id);
      return id === HANDLED;
    };
    const report = await recover({ ...(await missed()), wasHandled });
    expect(report).toMatchObject({ outcome: 'recovered', resent: 10, skipped: 1, uncertain: [] });
    expect(asked).toContain(HANDLED);
    expect(asked).not.toContain('missed-0');
    expect(runs).toHaveLength(11);
    expect(new Set(runs).size).toBe(11);
  });
});
