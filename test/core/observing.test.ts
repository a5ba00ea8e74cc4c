import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { createVerifier, logWebhooks, memoryReplayStore, type WebhookEvent } from '@countersign/core';
import { webhook } from '@countersign/express';
import { webhookHandler } from '@countersign/fetch';
import { standardWebhooks } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import { Logger } from '@nestjs/common';
import express from 'express';
import pino from 'pino';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import winston from 'winston';
import { portOf } from '../support/listen.ts';

const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const scheme = standardWebhooks();
let sequence = 0;

/** Sent anew with each call, so that nothing is a duplicate. */
function delivery(key = secret) {
  return sign(scheme, { secret: key, id: `msg_${++sequence}`, body: '{"type":"paid"}' });
}

/** Signed with a secret that is not in the set. */
const forgery = () => delivery('whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2Vk');

function verifierWith(observe: Parameters<typeof createVerifier>[0]['observe'] | undefined, more = {}) {
  const verifier = createVerifier({
    ...{ scheme, secrets: secret, ...more },
    ...(observe === undefined ? {} : { observe }),
  });
  onTestFinished(() => verifier.close());
  return verifier;
}

describe('events', () => {
  it('carry the id of the delivery, its status, and how long it took', async () => {
    const events: WebhookEvent[] = [];
    const verifier = verifierWith((event) => events.push(event));
    const request = { ...delivery(), requestId: 'req-7' };
    const id = `msg_${sequence}`;
    await verifier.handle(request, () => 202);
    await verifier.handle(request, () => 202);
    const seen = events.map(({ type, ...rest }) => [type, (rest as { id?: string }).id]);
    expect(seen).toEqual([
      ['secrets-loaded', undefined],
      ['verified', undefined],
      ['claimed', id],
      ['committed', id],
      ['verified', undefined],
      ['duplicate', id],
    ]);
    expect(events[3]).toMatchObject({
      ...{ endpoint: 'standard-webhooks', request: 'req-7', status: 202 },
      durationMs: expect.any(Number),
    });
    expect(events.every((event) => 'endpoint' in event && event.endpoint === 'standard-webhooks')).toBe(true);
    expect(events.slice(1).every((event) => 'request' in event && event.request === 'req-7')).toBe(true);
  });

  it.each([undefined, false] as const)('carry what a handler threw, with replay: %s', async (replay) => {
    const events: WebhookEvent[] = [];
    const verifier = verifierWith((event) => events.push(event), replay === undefined ? {} : { replay });
    const error = new Error('no database');
    await verifier.handle(delivery(), () => Promise.reject(error));
    const id = `msg_${sequence}`;
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'handler-failed', id, error, status: 500 }),
    );
    const released = events.filter(({ type }) => type === 'released');
    expect(released).toMatchObject([{ id, status: 500 }]);
  });

  it('of refusals after the verification carry the id, too', async () => {
    const events: WebhookEvent[] = [];
    const clock = manualClock();
    const store = memoryReplayStore({ maxEntries: 1, clock });
    const verifier = verifierWith((event) => events.push(event), { replay: store });
    const waiting = vi.fn(() => new Promise<void>(() => undefined));
    void verifier.handle(delivery(), waiting);
    await vi.waitFor(() => expect(waiting).toHaveBeenCalled());
    await verifier.handle(delivery(), () => undefined);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'refused', code: 'ERR_WEBHOOK_STORE_FULL', id: `msg_${sequence}` }),
    );
  });

  it('reach every observer, whatever another one does, and the process warns once of a broken one', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warned.mockRestore());
    const seen: string[] = [];
    const verifier = verifierWith([
      () => {
        throw new Error('broken');
      },
      async () => Promise.reject(new Error('broken later')),
      (event) => seen.push(event.type),
    ]);
    for (let run = 0; run < 3; run++) {
      const { status } = await verifier.handle(delivery(), () => undefined);
      expect(status).toBe(204);
    }
    expect(seen.filter((type) => type === 'committed')).toHaveLength(3);
    expect(warned.mock.calls.map(([message]) => String(message).split('\n')[0])).toEqual([
      expect.stringMatching(/observer .* failed.*: Error: broken$/),
      expect.stringMatching(/observer .* failed.*: Error: broken later$/),
    ]);
  });

  it.each([[{}], [[() => undefined, 'x']], ['log']])('refuse %j as an observer', (observe) => {
    expect(() => verifierWith(observe as never)).toThrow(
      '"observe" must be a function or a list of functions.',
    );
  });

  it('are published on the channel "countersign:webhook", without an observer', async () => {
    const seen: WebhookEvent[] = [];
    const listener = (event: unknown) => void seen.push(event as WebhookEvent);
    subscribe('countersign:webhook', listener);
    onTestFinished(() => void unsubscribe('countersign:webhook', listener));
    await verifierWith(undefined).handle(delivery(), () => undefined);
    const mine = seen.filter((event) => 'id' in event && event.id === `msg_${sequence}`);
    expect(mine.map(({ type }) => type)).toEqual(['claimed', 'committed']);
    unsubscribe('countersign:webhook', listener);
    const before = seen.length;
    await verifierWith(undefined).handle(delivery(), () => undefined);
    expect(seen).toHaveLength(before);
  });

  it("name the request as the host's log does", async () => {
    const events: WebhookEvent[] = [];
    const verifier = verifierWith((event) => events.push(event));
    const app = express().post(
      '/hooks',
      webhook(verifier, { identifyRequest: (request) => request.get('x-request-id') }),
      (request, response) => {
        response.json(request.webhook.requestId);
      },
    );
    const server = createServer(app).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    const { headers, body } = delivery();
    const sent = { method: 'POST', headers: { ...headers, 'x-request-id': 'abc' }, body };
    const response = await fetch(`http://127.0.0.1:${portOf(server)}/hooks`, sent);
    expect(await response.json()).toBe('abc');
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: 'committed', request: 'abc' }));

    const throwing = webhookHandler(verifier, (received) => new Response(String(received.requestId)), {
      identifyRequest: () => {
        throw new Error('no id');
      },
    });
    const again = delivery();
    const request = new Request('https://h/', { method: 'POST', headers: again.headers, body: again.body });
    expect(await (await throwing(request)).text()).toBe('undefined');
  });
});

describe('without an observer', () => {
  let warned: ReturnType<typeof vi.spyOn>;
  beforeEach(() => {
    warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warned.mockRestore());
  });

  it('the process warns of refusals at most once a minute, names the endpoint, and counts the others', async () => {
    const clock = manualClock();
    const verifier = verifierWith(undefined, { clock, endpoint: 'orders' });
    const good = sign(scheme, { secret, id: 'msg_good', body: '{}', timestamp: new Date(clock.now()) });
    await verifier.handle(good, () => undefined);
    const forge = async () => {
      const bad = sign(scheme, {
        secret: `whsec_${'Zm9y'.repeat(8)}`,
        id: 'msg_bad',
        body: '{}',
        timestamp: new Date(clock.now()),
      });
      const refused = verifier.handle(bad, () => undefined);
      await clock.advance(1000);
      await refused;
    };
    for (let count = 0; count < 5; count++) await forge();
    expect(warned.mock.calls.map(([message]: unknown[]) => message)).toEqual([
      expect.stringMatching(/^A webhook for "orders" was refused with 401: The signature matches no key/),
    ]);
    await clock.advance(60_000);
    await forge();
    expect(warned).toHaveBeenCalledTimes(2);
    expect(String(warned.mock.lastCall?.[0])).toMatch(/ 4 more were refused since the last warning\.$/);
  });
});

describe('health()', () => {
  const codesOf = (verifier: ReturnType<typeof verifierWith>) =>
    verifier.health().warnings.map(({ code }) => code);
  const refuse = async (verifier: ReturnType<typeof verifierWith>, request: object, times: number) => {
    for (let count = 0; count < times; count++) {
      const { status } = await verifier.handle(request as ReturnType<typeof delivery>, () => undefined);
      expect(status).toBeGreaterThanOrEqual(400);
    }
  };

  it('warns if no request has ever matched, until one matches', async () => {
    const verifier = verifierWith(() => undefined);
    await refuse(verifier, forgery(), 2);
    expect(codesOf(verifier)).toEqual([]);
    await refuse(verifier, forgery(), 1);
    expect(codesOf(verifier)).toEqual(['never-matched']);
    // Anybody can send forgeries, and a probe must not take the instance out of service for them.
    expect(verifier.health().state).toBe('ready');
    await verifier.handle(delivery(), () => undefined);
    await refuse(verifier, forgery(), 5);
    expect(codesOf(verifier)).toEqual([]);
  });

  const signedAt = (offsetMs: number) =>
    sign(scheme, { secret, id: 'msg', body: '{}', timestamp: new Date(Date.now() + offsetMs) });

  it.each([
    ['clock-suspect', () => signedAt(-3_600_000), 'ahead'],
    ['clock-suspect', () => signedAt(3_600_000), 'behind'],
    [
      'unsigned-traffic',
      () => ({ headers: { 'content-type': 'application/json' }, body: '{}' }),
      'no signature',
    ],
  ] as const)('warns of %s, until a request is accepted', async (code, request, word) => {
    const verifier = verifierWith(() => undefined);
    await refuse(verifier, { ...request(), body: Buffer.from('{}') }, 9);
    expect(codesOf(verifier)).toEqual([]);
    await refuse(verifier, { ...request(), body: Buffer.from('{}') }, 1);
    expect(verifier.health().warnings).toEqual([{ code, message: expect.stringContaining(word) }]);
    expect(verifier.health().state).toBe('ready');
    await verifier.handle(delivery(), () => undefined);
    expect(codesOf(verifier)).toEqual([]);
  });

  it('does not warn of a mixture', async () => {
    const verifier = verifierWith(() => undefined);
    await verifier.handle(delivery(), () => undefined);
    for (let round = 0; round < 10; round++) {
      await refuse(verifier, signedAt(-3_600_000), 1);
      await refuse(verifier, forgery(), 1);
    }
    expect(codesOf(verifier)).toEqual([]);
  });
});

describe('logWebhooks()', () => {
  const KNOWN_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

  /** One delivery that is handled, one that fails, two that are forged. */
  async function happen(observe: ReturnType<typeof logWebhooks>): Promise<void> {
    const verifier = verifierWith(observe, { endpoint: 'orders' });
    await verifier.handle(delivery(), () => undefined);
    await verifier.handle(delivery(), () => Promise.reject(new Error('no database')));
    await verifier.handle(forgery(), () => undefined);
    await verifier.handle(forgery(), () => undefined);
  }

  const SAID = [
    'info The endpoint "orders" has its secrets',
    'debug A webhook for "orders" was verified',
    'debug A webhook for "orders" is being handled',
    'debug A webhook for "orders" was handled (status 204)',
    'debug A webhook for "orders" was verified',
    'debug A webhook for "orders" is being handled',
    'error A webhook for "orders" failed in its handler (status 500): no database',
    'warn A webhook for "orders" was not handled: its retry will run (status 500)',
    expect.stringMatching(
      /^warn A webhook for "orders" was refused with 401 \(ERR_WEBHOOK_SIGNATURE_MISMATCH\): The/,
    ),
  ];

  it('quotes what a request says of itself, so that it can not look like a fact of ours', async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line) };
    const verifier = verifierWith(logWebhooks(logger as unknown as Console), { endpoint: 'orders' });
    await verifier.handle({ ...forgery(), requestId: 'a] docs=https://evil.example' }, () => undefined);
    expect(lines).toEqual([
      expect.stringMatching(
        / \[request="a\] docs=https:\/\/evil\.example" ms=\S+ docs=https:\S+\/errors\/\S+\]$/,
      ),
    ]);
  });

  it('writes lines to the console, at the level of what an operator must do, and the same line once a minute', async () => {
    const lines: string[] = [];
    for (const level of KNOWN_LEVELS) {
      const spy = vi.spyOn(console, level).mockImplementation((text: string) => {
        lines.push(`${level} ${text.replace(/ \[.*\]$/, '')}`);
      });
      onTestFinished(() => spy.mockRestore());
    }
    await happen(logWebhooks(console, { level: 'debug' }));
    expect(lines).toEqual(SAID);

    // A console has no level to set.
    lines.length = 0;
    await happen(logWebhooks(console));
    expect(lines).toEqual(SAID.filter((line) => !String(line).startsWith('debug')));
  });

  it.each([
    ['development', 1],
    ['production', 0],
  ])(
    'in %s, says %i times that a duplicate was not run, and how to run it again',
    async (environment, times) => {
      vi.stubEnv('NODE_ENV', environment);
      onTestFinished(() => void vi.unstubAllEnvs());
      const lines: string[] = [];
      const log = vi.spyOn(console, 'info').mockImplementation((line: string) => void lines.push(line));
      onTestFinished(() => log.mockRestore());
      const verifier = verifierWith(logWebhooks(console), { endpoint: 'orders' });
      const twice = delivery();
      for (let n = 0; n < 4; n++) await verifier.handle(twice, () => undefined);
      const said = lines.filter((line) => line.includes('was a duplicate'));
      expect(said).toHaveLength(times);
      for (const line of said) expect(line).toContain('verifier.forget(webhook.id)');
    },
  );

  it('writes objects to pino', async () => {
    const lines: Record<string, unknown>[] = [];
    const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
    await happen(logWebhooks(pino({ level: 'debug' }, stream)));
    const names: Record<number, string> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };
    expect(lines.map(({ level, msg }) => `${names[level as number]} ${msg}`)).toEqual(SAID);
    expect(lines[3]?.webhook).toMatchObject({ type: 'committed', endpoint: 'orders', status: 204 });
    expect(lines[6]?.err).toMatchObject({ message: 'no database', stack: expect.any(String) });
  });

  it('writes objects to winston', async () => {
    const lines: Record<string, unknown>[] = [];
    const transport = new winston.transports.Stream({
      stream: new (await import('node:stream')).Writable({
        write(chunk, _encoding, done) {
          lines.push(JSON.parse(String(chunk)));
          done();
        },
      }),
    });
    await happen(logWebhooks(winston.createLogger({ level: 'debug', transports: [transport] })));
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual(SAID);
    expect(lines[6]?.webhook).toMatchObject({ type: 'handler-failed', error: 'no database' });
  });

  it("writes lines to Nest's Logger", async () => {
    const lines: string[] = [];
    const logger = new Logger('webhooks');
    Logger.overrideLogger({
      log: (text: string) => lines.push(`info ${text}`),
      debug: (text: string) => lines.push(`debug ${text}`),
      warn: (text: string) => lines.push(`warn ${text}`),
      error: (text: string) => lines.push(`error ${text}`),
    });
    onTestFinished(() => Logger.overrideLogger(true));
    await happen(logWebhooks(logger));
    expect(lines.map((line) => line.replace(/ \[.*\]$/, ''))).toEqual(SAID);
  });

  it('says how many lines it left out, and leaves none out if it may not', async () => {
    const lines: string[] = [];
    const logger = { warn: (text: string) => void lines.push(text) };
    await happen(logWebhooks(logger, { quietSeconds: 0 }));
    expect(lines.filter((line) => line.includes('SIGNATURE_MISMATCH'))).toHaveLength(2);

    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    lines.length = 0;
    const observe = logWebhooks(logger);
    const refused: Extract<WebhookEvent, { type: 'refused' }> = {
      ...({
        type: 'refused',
        endpoint: 'orders',
        scheme: 's',
        code: 'ERR_WEBHOOK_SIGNATURE_MISSING',
      } as const),
      ...{ status: 400, message: 'No header.', durationMs: 1 },
    };
    for (let count = 0; count < 4; count++) observe(refused);
    observe({ ...refused, endpoint: 'refunds' });
    vi.advanceTimersByTime(60_000);
    observe(refused);
    expect(lines).toEqual([
      expect.stringContaining('"orders"'),
      expect.stringContaining('"refunds"'),
      expect.stringMatching(/"orders".* \(3 more like this since\) \[ms=1\.0 docs=https:\S+\]$/),
    ]);
  });

  it('never writes a secret or a signature', async () => {
    const lines: string[] = [];
    const write = (...args: unknown[]) => void lines.push(JSON.stringify(args));
    await happen(logWebhooks({ debug: write, info: write, warn: write, error: write }));
    const text = lines.join('\n');
    expect(text).not.toContain(secret.slice(6));
    expect(text).not.toMatch(/v1,[A-Za-z0-9+/]{20}/);
  });

  it('harms no delivery if the logger throws, and needs a method that it can call', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warned.mockRestore());
    const throwing = () => {
      throw new Error('the disk of the log is full');
    };
    const verifier = verifierWith(
      logWebhooks({ debug: throwing, info: throwing, warn: throwing, error: throwing }),
    );
    expect((await verifier.handle(delivery(), () => undefined)).status).toBe(204);
    expect(warned).toHaveBeenCalledTimes(1);
    for (const logger of [{}, undefined, null, 'console', { trace: throwing }] as never[]) {
      expect(() => logWebhooks(logger)).toThrow('The logger of logWebhooks() has no method');
    }
    expect(() => logWebhooks(console, { quiet: 1 } as never)).toThrow('"quiet"');
    expect(() => logWebhooks(console, { level: 'trace' } as never)).toThrow('"level" must be');
  });
});
