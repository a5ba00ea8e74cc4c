import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  createTenants,
  functionSecrets,
  memoryReplayStore,
  secretsGone,
  type Tenants,
  type TenantsOptions,
  type Verifier,
  type VerifierOptions,
  type WebhookEvent,
} from '@countersign/core';
import { stripe, svix } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';

// A database of tenants: rows can be added, changed and deleted while the receiver runs.
class Rows {
  readonly secrets = new Map<string, string>();
  /** The names that were looked up, in order. */
  readonly reads: string[] = [];

  constructor(...tenants: string[]) {
    for (const tenant of tenants) this.secrets.set(tenant, secretOf(tenant));
  }

  find = async (tenant: string): Promise<string | undefined> => {
    this.reads.push(tenant);
    return this.secrets.get(tenant);
  };
}

const secretOf = (tenant: string, round = 1) =>
  `whsec_${Buffer.from(`${tenant} ${round}`.padEnd(24, '.')).toString('base64')}`;

let open: Tenants[] = [];
afterEach(async () => {
  await Promise.all(open.map((tenants) => tenants.close()));
  open = [];
  vi.restoreAllMocks();
});

function tenantsOf(
  load: TenantsOptions['load'],
  options: Partial<TenantsOptions> & { clock?: ReturnType<typeof manualClock> } = {},
): Tenants {
  const tenants = createTenants({ load, ...options });
  open.push(tenants);
  return tenants;
}

/** The usual function: a row, and options made of it. */
function loadFrom(rows: Rows, more: Partial<VerifierOptions> = {}): TenantsOptions['load'] {
  return async (tenant) => {
    const secrets = await rows.find(tenant);
    return secrets === undefined ? undefined : { scheme: svix(), secrets, ...more };
  };
}

/** Sends one delivery, and returns the status of the response. */
async function deliver(
  tenants: Tenants,
  tenant: string,
  { secret = secretOf(tenant), id = `msg_${crypto.randomUUID()}`, run = () => {}, now = new Date() } = {},
): Promise<number | undefined> {
  const verifier = await tenants(tenant);
  const request = sign(svix(), { secret, id, timestamp: now, body: '{}' });
  return (await verifier?.handle(request, run))?.status;
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

describe('one tenant', () => {
  test('is loaded once for requests that arrive together, and not again', async () => {
    const rows = new Rows('a', 'b');
    const tenants = tenantsOf(loadFrom(rows));
    const verifiers = await Promise.all(Array.from({ length: 50 }, () => tenants('a')));
    expect(new Set(verifiers).size).toBe(1);
    expect(await deliver(tenants, 'a')).toBe(204);
    expect(await deliver(tenants, 'b')).toBe(204);
    expect(await deliver(tenants, 'b', { secret: secretOf('a') })).toBe(401);
    expect(rows.reads.slice(0, 2)).toEqual(['a', 'b']);
  });

  test('that does not exist has no verifier, and is looked up again', async () => {
    const rows = new Rows();
    const tenants = tenantsOf(loadFrom(rows));
    expect(await tenants('a')).toBeUndefined();
    rows.secrets.set('a', secretOf('a'));
    expect(await deliver(tenants, 'a')).toBe(204);
  });

  test.each([undefined, '', ['a'], { a: 1 }, 'x'.repeat(201)])(
    'can not be named %j: nothing is looked up',
    async (name) => {
      const rows = new Rows();
      expect(await tenantsOf(loadFrom(rows))(name as undefined)).toBeUndefined();
      expect(rows.reads).toEqual([]);
    },
  );

  test.each(['__proto__', 'constructor', '../a', 'a\0b', 'ä'])('may be named %j', async (name) => {
    const tenants = tenantsOf(loadFrom(new Rows(name)));
    expect(await deliver(tenants, name)).toBe(204);
  });

  test('has an endpoint of its own, so that the ids of another are no duplicates', async () => {
    const events: WebhookEvent[] = [];
    const more = { replay: memoryReplayStore(), observe: (event: WebhookEvent) => events.push(event) };
    const tenants = tenantsOf(loadFrom(new Rows('a', 'b'), more));
    for (const tenant of ['a', 'b', 'a']) await deliver(tenants, tenant, { id: 'msg_1' });
    const handled = events.flatMap((event) =>
      event.type === 'claimed' || event.type === 'duplicate' ? [`${event.type} ${event.endpoint}`] : [],
    );
    expect(handled).toEqual(['claimed a/svix', 'claimed b/svix', 'duplicate a/svix']);
  });

  test('may not have the endpoint of another tenant', async () => {
    const tenants = tenantsOf(loadFrom(new Rows('a', 'b'), { endpoint: 'svix' }));
    expect(await deliver(tenants, 'a')).toBe(204);
    await expect(tenants('b')).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
      message: expect.stringContaining('"endpoint"'),
    });
    tenants.forget('a');
    expect(await deliver(tenants, 'b')).toBe(204);
  });

  test('may be switched off', async () => {
    let disabled = true;
    const tenants = tenantsOf(async () => ({ scheme: svix(), secrets: secretOf('a'), disabled }));
    expect(await deliver(tenants, 'a')).toBe(404);
    disabled = false;
    expect(await deliver(tenants, 'a')).toBe(204);
    disabled = true;
    await (await tenants('a'))?.reload().catch(() => undefined);
    expect(await deliver(tenants, 'a')).toBe(404);
  });

  test('may have a source of secrets that reloads by itself', async () => {
    const load = vi.fn(async (tenant: string) => ({
      scheme: svix(),
      secrets: functionSecrets(() => secretOf(tenant)),
    }));
    const tenants = tenantsOf(load);
    expect(await deliver(tenants, 'a')).toBe(204);
    expect(await deliver(tenants, 'a', { secret: secretOf('x') })).toBe(401);
    expect(load).toHaveBeenCalledTimes(1);
  });
});

describe('a change of a tenant', () => {
  test('of its secret is found by the first delivery that is signed with the new one', async () => {
    const rows = new Rows('a');
    const tenants = tenantsOf(loadFrom(rows));
    expect(await deliver(tenants, 'a')).toBe(204);
    rows.secrets.set('a', secretOf('a', 2));
    expect(await deliver(tenants, 'a', { secret: secretOf('a', 2) })).toBe(204);
    expect(await deliver(tenants, 'a')).toBe(401);
  });

  test('of anything else takes effect after forget()', async () => {
    let scheme = svix();
    const tenants = tenantsOf(async () => ({ scheme, secrets: secretOf('a') }));
    await tenants('a');
    scheme = stripe() as never;
    expect((await tenants('a'))?.scheme.name).toBe('svix');
    tenants.forget('a');
    expect((await tenants('a'))?.scheme.name).toBe('stripe');
  });

  test('during a load is not missed: forget() makes it load again', async () => {
    const rows = new Rows('a');
    let answer: (secret: string | undefined) => void = () => undefined;
    const tenants = tenantsOf(async (tenant) => {
      const found = await rows.find(tenant);
      if (rows.reads.length === 1) await new Promise<string | undefined>((resolve) => (answer = resolve));
      return found === undefined ? undefined : { scheme: svix(), secrets: found };
    });
    const asked = tenants('a');
    await turn();
    rows.secrets.delete('a');
    tenants.forget('a');
    answer(undefined);
    expect(await asked).toBeUndefined();
    expect(rows.reads).toEqual(['a', 'a']);
  });

  test('to deleted: refused from the next request on, after a reload or forget()', async () => {
    const clock = manualClock();
    const rows = new Rows('a', 'b');
    const tenants = tenantsOf(loadFrom(rows, { clock }), { clock });
    const now = () => new Date(clock.now());
    for (const tenant of ['a', 'b']) expect(await deliver(tenants, tenant, { now: now() })).toBe(204);
    rows.secrets.clear();
    tenants.forget('a');
    expect(await tenants('a')).toBeUndefined();
    const before = await tenants('b');
    await clock.advance(400_000);
    expect(await tenants('b')).toBeUndefined();
    // A request that was given the verifier before finds no key.
    const request = sign(svix(), { secret: secretOf('b'), timestamp: now(), body: '{}' });
    await expect(before?.verify(request)).rejects.toMatchObject({ name: 'WebhookError' });
  });

  test('to deleted, as a source of its own reports it', async () => {
    let secret: string | undefined = secretOf('a');
    const tenants = tenantsOf(async () => ({
      scheme: svix(),
      secrets: functionSecrets(() => secret ?? secretsGone()),
    }));
    expect(await deliver(tenants, 'a')).toBe(204);
    secret = undefined;
    await (await tenants('a'))?.reload().catch(() => undefined);
    expect(await deliver(tenants, 'a')).not.toBe(204);
  });
});

describe('a source that fails', () => {
  test('gives the sender 503, names the error, and is asked again', async () => {
    let isDown = true;
    const tenants = tenantsOf(async () => {
      if (isDown) throw Object.assign(new Error('secret text'), { code: 'ECONNREFUSED' });
      return { scheme: svix(), secrets: secretOf('a') };
    });
    const error = await tenants('a').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_WEBHOOK_NOT_READY', status: 503, retryAfterSeconds: 5 });
    expect((error as Error).message).toContain('ECONNREFUSED');
    expect((error as Error).message).not.toContain('secret text');
    isDown = false;
    expect(await deliver(tenants, 'a')).toBe(204);
  });

  test('throws at once, or returns what is no verifier’s options: the same', async () => {
    const throwing = tenantsOf(() => {
      throw new TypeError('no row');
    });
    await expect(throwing('a')).rejects.toMatchObject({ code: 'ERR_WEBHOOK_NOT_READY' });
    for (const wrong of [
      true,
      'whsec',
      { scheme: svix },
      { scheme: svix() },
      { scheme: svix(), secret: 'x' },
    ]) {
      await expect(tenantsOf(() => wrong as never)('a')).rejects.toMatchObject({
        code: 'ERR_WEBHOOK_CONFIG_INVALID',
      });
    }
    expect(await tenantsOf(() => null as never)('a')).toBeUndefined();
  });

  test('later: the last good secret stays in use', async () => {
    const clock = manualClock();
    const rows = new Rows('a');
    let isDown = false;
    const good = loadFrom(rows, { clock, observe: () => undefined });
    const load: TenantsOptions['load'] = (tenant, context) => {
      if (isDown) throw new Error('down');
      return good(tenant, context);
    };
    const tenants = tenantsOf(load, { clock });
    await deliver(tenants, 'a', { now: new Date(clock.now()) });
    isDown = true;
    await clock.advance(400_000);
    expect(await deliver(tenants, 'a', { now: new Date(clock.now()) })).toBe(204);
  });

  test('and hangs: others are served, the signal aborts, and the next request asks again', async () => {
    const clock = manualClock();
    const signals: AbortSignal[] = [];
    let hangs = true;
    const tenants = tenantsOf(
      async (tenant, { signal }) => {
        signals.push(signal);
        if (tenant === 'hung' && hangs) await new Promise(() => undefined);
        return { scheme: svix(), secrets: secretOf(tenant), clock };
      },
      { clock },
    );
    const hung = tenants('hung').catch((error: unknown) => error);
    await turn();
    expect(await deliver(tenants, 'a', { now: new Date(clock.now()) })).toBe(204);
    await clock.advance(3000);
    expect(await hung).toMatchObject({
      code: 'ERR_WEBHOOK_NOT_READY',
      message: expect.stringContaining('timeoutSeconds'),
    });
    expect(signals[0]?.aborted).toBe(true);
    hangs = false;
    expect(await deliver(tenants, 'hung', { now: new Date(clock.now()) })).toBe(204);
  });

  test('and is asked for made-up names: few at a time, and beyond a limit 503', async () => {
    let running = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const tenants = tenantsOf(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => ends.push(resolve));
      running--;
      return undefined;
    });
    const asked = Array.from({ length: 2000 }, (_, n) =>
      tenants(`made-up ${n}`).catch((error: { code: string }) => error.code),
    );
    let answered = 0;
    for (const each of asked) void each.then(() => answered++);
    while (answered < asked.length) {
      for (const end of ends.splice(0)) end();
      await turn();
    }
    const answers = await Promise.all(asked);
    expect(most).toBe(32);
    expect(answers.filter((code) => code === 'ERR_WEBHOOK_OVERLOADED')).toHaveLength(2000 - 32 - 1024);
    expect(answers.filter((code) => code === undefined)).toHaveLength(32 + 1024);
  });
});

describe('a tenant that is dropped', () => {
  test('because others were used later is loaded again, and its deliveries are still remembered', async () => {
    const rows = new Rows('a', 'b', 'c');
    const tenants = tenantsOf(loadFrom(rows), { maxTenants: 2 });
    const warn = vi.spyOn(process, 'emitWarning');
    expect(await deliver(tenants, 'a', { id: 'msg_1' })).toBe(204);
    await deliver(tenants, 'b');
    await deliver(tenants, 'a');
    await deliver(tenants, 'c'); // drops b
    await deliver(tenants, 'a');
    expect(rows.reads).toEqual(['a', 'b', 'c']);
    await deliver(tenants, 'b'); // drops c
    await deliver(tenants, 'c'); // drops a
    expect(await deliver(tenants, 'a', { id: 'msg_1' })).toBe(200);
    expect(rows.reads).toEqual(['a', 'b', 'c', 'b', 'c', 'a']);
    expect(warn.mock.calls.filter(([text]) => !String(text).includes('duplicate'))).toEqual([]);
  });

  test('because it is idle is closed: no timer of it is left', async () => {
    const clock = manualClock();
    const rows = new Rows('a', 'b');
    const tenants = tenantsOf(loadFrom(rows, { clock }), { clock, idleSeconds: 1000 });
    const [a] = [await tenants('a'), await tenants('b')];
    await deliver(tenants, 'a', { now: new Date(clock.now()) });
    await deliver(tenants, 'b', { now: new Date(clock.now()) });
    for (let minute = 0; minute < 30; minute++) {
      await clock.advance(60_000);
      await deliver(tenants, 'b', { now: new Date(clock.now()) });
    }
    const request = sign(svix(), { secret: secretOf('a'), timestamp: new Date(clock.now()), body: '{}' });
    await expect(a?.verify(request)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_NOT_READY' });
    await clock.advance(2_000_000);
    expect(clock.pending()).toBe(0);
  });

  test('is closed only when the deliveries that it is verifying or handling have ended', async () => {
    const rows = new Rows('a', 'b');
    const warn = vi.spyOn(process, 'emitWarning');
    const tenants = tenantsOf(loadFrom(rows), { maxTenants: 1 });
    const verifier = (await tenants('a')) as Verifier;
    const request = sign(svix(), { secret: secretOf('a'), id: 'msg_1', body: '{}' });
    let sendBody: (body: Uint8Array) => void = () => undefined;
    const body = () => new Promise<Uint8Array>((resolve) => (sendBody = resolve));
    const verifying = verifier.verify({ ...request, body });
    let endHandler: () => void = () => undefined;
    const handling = verifier.handle(request, () => new Promise<void>((resolve) => (endHandler = resolve)));
    await turn();
    await tenants('b');
    await turn();
    // The same tenant again, while its earlier verifier is at work: the delivery is known to be under way.
    expect(await deliver(tenants, 'a', { id: 'msg_1' })).toBe(503);
    sendBody(request.body);
    expect((await verifying).id).toBe('msg_1');
    endHandler();
    expect((await handling).status).toBe(204);
    await turn();
    expect(await deliver(tenants, 'a', { id: 'msg_1' })).toBe(200);
    await expect(verifier.verify(request)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_NOT_READY' });
    expect(warn.mock.calls.filter(([text]) => !String(text).includes('duplicate'))).toEqual([]);
  });

  test('between a request’s lookup and its verification still serves that request', async () => {
    const tenants = tenantsOf(loadFrom(new Rows('a')));
    const verifier = await tenants('a');
    tenants.forget('a');
    const request = sign(svix(), { secret: secretOf('a'), body: '{}' });
    expect((await verifier?.handle(request, () => {}))?.status).toBe(204);
  });
});

describe('close()', () => {
  test('refuses requests, also those that wait for a load, and leaves no timer', async () => {
    const clock = manualClock();
    let answer: () => void = () => undefined;
    const tenants = tenantsOf(
      async (tenant) => {
        if (tenant === 'slow') await new Promise<void>((resolve) => (answer = resolve));
        return { scheme: svix(), secrets: functionSecrets(async () => secretOf(tenant)), clock };
      },
      { clock },
    );
    const verifier = await tenants('a');
    await verifier?.ready();
    const slow = tenants('slow').catch((error: { code: string }) => error.code);
    await turn();
    await tenants.close();
    answer();
    expect(await slow).toBe('ERR_WEBHOOK_NOT_READY');
    await expect(tenants('a')).rejects.toMatchObject({ code: 'ERR_WEBHOOK_NOT_READY', status: 503 });
    const request = sign(svix(), { secret: secretOf('a'), timestamp: new Date(clock.now()), body: '{}' });
    expect((await verifier?.handle(request, () => {}))?.status).toBe(503);
    await clock.advance(0);
    expect(clock.pending()).toBe(0);
  });

  test('waits for the commit of a delivery, also if its tenant has been dropped', async () => {
    const store = memoryReplayStore();
    let committed = false;
    let write: () => void = () => undefined;
    const slow = {
      claim: store.claim.bind(store),
      renew: store.renew.bind(store),
      release: store.release.bind(store),
      forget: store.forget.bind(store),
      async commit(...args: Parameters<typeof store.commit>) {
        await new Promise<void>((resolve) => (write = resolve));
        committed = true;
        return store.commit(...args);
      },
    };
    const tenants = tenantsOf(loadFrom(new Rows('a'), { replay: slow }));
    expect(await deliver(tenants, 'a')).toBe(204);
    tenants.forget('a');
    await turn();
    const closing = tenants.close();
    let closed = false;
    void closing.then(() => (closed = true));
    await turn();
    expect(closed).toBe(false);
    write();
    await closing;
    expect(committed).toBe(true);
  });
});

describe('ten thousand tenants', () => {
  const COUNT = 10_000;

  test('take bounded memory, are loaded once each, and reload spread over time', async () => {
    const clock = manualClock();
    const rows = new Rows(...Array.from({ length: COUNT }, (_, n) => `t${n}`));
    const scheme = svix();
    const tenants = tenantsOf(
      async (tenant) => {
        const secrets = await rows.find(tenant);
        return secrets === undefined ? undefined : { scheme, secrets, clock };
      },
      { clock, maxTenants: COUNT },
    );
    const before = heapUsed();
    const names = [...rows.secrets.keys()];
    for (const name of names) {
      const [verifier] = await Promise.all([tenants(name), tenants(name)]);
      const request = sign(scheme, { secret: secretOf(name), timestamp: new Date(clock.now()), body: '{}' });
      await verifier?.verify(request);
    }
    const bytesEach = (heapUsed() - before) / COUNT;
    expect(rows.reads).toHaveLength(COUNT);
    expect(bytesEach).toBeLessThan(16 * 1024);

    // More tenants than are kept: as many as before are in memory.
    const kept = heapUsed();
    for (let n = 0; n < 2000; n++) {
      rows.secrets.set(`more${n}`, secretOf(`more${n}`));
      await tenants(`more${n}`);
    }
    await clock.advance(0);
    expect(heapUsed() - kept).toBeLessThan(2000 * 16 * 1024 * 0.5);

    // All were loaded at one moment of this clock. Their reloads are not.
    rows.reads.length = 0;
    const perTick: number[] = [];
    for (let second = 0; second < 400; second += 10) {
      const count = rows.reads.length;
      await clock.advance(10_000);
      perTick.push(rows.reads.length - count);
    }
    expect(rows.reads.length).toBeGreaterThanOrEqual(COUNT - 2000);
    expect(Math.max(...perTick)).toBeLessThan(COUNT / 5);
  });

  /** After a collection: what was not collected yet would count as kept. */
  function heapUsed(): number {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
    return process.memoryUsage().heapUsed;
  }
});
