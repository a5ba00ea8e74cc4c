import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explain } from '@countersign/explain';
import { auth0Logs, discord, gitlabToken, stripe, twilio } from '@countersign/schemes';
import { generateSigningKeys, sign } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { countOwnTimeOnly } from '../../../test/support/own-time.ts';
import { readRecord } from '../src/index.ts';
import { listen } from '../src/listen.ts';
import type { DeliveryDetail, ListUpdate } from '../src/wire.ts';
import { api, type Fixture, type FixtureOptions, SECRET, startFixture } from './support/fixture.ts';

countOwnTimeOnly();

let folder: string;
const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-listen-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true });
});

async function fixtureWith(options: FixtureOptions = {}): Promise<Fixture> {
  const fixture = await startFixture(options);
  cleanups.push(() => fixture.close());
  return fixture;
}

const detailOf = async (fixture: Fixture, id: number) =>
  (await api(fixture, `deliveries/${id}`)).json() as Promise<DeliveryDetail>;

describe('the record', () => {
  test('has one line for each delivery, from which each can be explained', async () => {
    const record = join(folder, 'record.ndjson');
    writeFileSync(record, '{"of":"somebody else"}\n');
    const fixture = await startFixture({
      record,
      respond: () => ({ status: 202, headers: { 'X-Odd': 'a' }, body: 'thanks' }),
    });
    await fixture.send({ body: '{"id":"evt_1","type":"a.b"}' });
    await fixture.send({ body: '{"id":"evt_2"}', sent: '{ "id": "evt_2" }' });
    await fixture.send({ body: Buffer.from([0, 255, 10, 13]) });
    await fixture.close();

    const lines = readFileSync(record, 'utf8').split('\n');
    expect(lines.pop()).toBe('');
    expect(lines).toHaveLength(4);
    expect(readRecord(lines[0] ?? '')).toBeUndefined();
    const [first, second, third] = lines.slice(1).map((line) => readRecord(line));
    expect(first).toMatchObject({
      ...{ countersign: 1, method: 'POST', url: '/hooks/stripe', httpVersion: '1.1', sender: 'stripe' },
      verdict: { state: 'accepted', key: { role: 'current' }, deliveryId: 'evt_1', type: 'a.b' },
      response: { status: 202, statusMessage: 'Accepted', body: Buffer.from('thanks').toString('base64') },
    });
    expect(first?.bytes?.toString()).toBe('{"id":"evt_1","type":"a.b"}');
    expect(first?.response?.rawHeaders?.slice(0, 2)).toEqual(['X-Odd', 'a']);
    expect(first?.rawHeaders).toContain('stripe-signature');
    expect(third?.bytes).toEqual(Buffer.from([0, 255, 10, 13]));
    expect(second?.verdict).toMatchObject({ state: 'refused', code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH' });
    const explanation = await explain({
      ...{ scheme: stripe(), secrets: SECRET },
      request: { method: second?.method ?? '', headers: second?.rawHeaders ?? [], body: second?.bytes ?? '' },
      receivedAt: second?.received ?? new Date(0),
    });
    expect(explanation.causes[0]).toMatchObject({ code: 'body-reserialized', certainty: 'proven' });
    // Nobody else on this machine may read what customers wrote.
    rmSync(record);
    const fresh = await startFixture({ record });
    await fresh.close();
    expect(statSync(record).mode & 0o077).toBe(0);
  });

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"countersign":2}',
    '{"countersign":1}',
    '{"countersign":1,"method":"POST","url":"/","rawHeaders":[1],"receivedAt":"2026-12-01T00:00:00Z"}',
  ])('a line that is none: %s', (line) => {
    expect(readRecord(line)).toBeUndefined();
  });
});

describe('secrets', () => {
  const canary = 'canary-4f9d2c7b1e-secret';
  test.each([
    ['a token in a header', gitlabToken()],
    ['a token with something before it', auth0Logs()],
  ])(
    'appear neither in the page, nor in the API, nor in the record, nor in what is printed: %s',
    async (_, scheme) => {
      const record = join(folder, 'record.ndjson');
      const fixture = await startFixture({
        ...{ scheme, secrets: canary, record },
        respond: () => ({
          status: 200,
          headers: { 'x-echo': canary },
          body: `echo ${canary} ${btoa(canary)}`,
        }),
      });
      const signed = sign(scheme, { secret: canary, body: `{"token":"${canary}"}` });
      await fixture.post(`/hooks?secret=${canary}`, signed.headers, signed.body);
      const wrong = sign(scheme, { secret: 'canary-wrong-of-another-system', body: '{}' });
      await fixture.post('/hooks', wrong.headers, wrong.body);
      // A replay carries the secret once more.
      const replayed = await api(fixture, 'deliveries/1/replay', { method: 'POST' });
      expect(await replayed.json()).toEqual({ id: 3 });
      const paths = [
        'deliveries',
        ...[1, 2, 3].flatMap((id) => [`deliveries/${id}`, `deliveries/${id}/body`]),
      ];
      const shown = await Promise.all(paths.map(async (path) => (await api(fixture, path)).text()));
      const page = await (await fetch(fixture.listening.inspectorUrl)).text();
      await fixture.close();
      const texts = [
        ...shown,
        page,
        readFileSync(record, 'utf8'),
        JSON.stringify([...fixture.seen.values()]),
        ...fixture.warnings,
      ];
      const decoded = texts.map((text) =>
        text.replace(/"([A-Za-z0-9+/=]{8,})"/g, (_, found) => Buffer.from(found, 'base64').toString()),
      );
      for (const text of [...texts, ...decoded]) {
        expect(text).not.toContain('canary');
        expect(text).not.toContain(btoa(canary).slice(0, 20));
      }
      expect(texts[1]).toContain('[secret removed]');
      // The target got everything as it was.
      expect(fixture.bodies[0]?.toString()).toContain(canary);
    },
  );
});

test('the password of a public URL appears nowhere either', async () => {
  const record = join(folder, 'record.ndjson');
  const publicUrl = 'https://hooks:canary-p%40ss@hooks.example.com/in';
  const fixture = await startFixture({ scheme: twilio(), publicUrl, secrets: SECRET, record });
  const basic = Buffer.from('hooks:canary-p@ss').toString('base64');
  const signed = sign(twilio(), { secret: SECRET, body: 'a=1', url: publicUrl, rule: 1 });
  await fixture.post('/in', { ...signed.headers, authorization: `Basic ${basic}` }, signed.body);
  const shown = await (await api(fixture, 'deliveries/1')).text();
  await fixture.close();
  for (const text of [shown, readFileSync(record, 'utf8')]) {
    expect(text).toContain('[secret removed]');
    expect(text).not.toContain('canary');
    expect(text).not.toContain(basic);
  }
});

describe('replays', () => {
  test('are signed with the current secret and the present time, with the same body and the other headers', async () => {
    const fixture = await fixtureWith();
    const signed = sign(stripe(), { secret: SECRET, body: '{"id":"evt_1"}', timestamp: 1_700_000_000 });
    await fixture.post(
      '/a/b?x=1',
      { ...signed.headers, 'x-mine': 'kept', 'content-type': 'text/odd' },
      signed.body,
    );
    expect(await (await api(fixture, 'deliveries/1/replay', { method: 'POST' })).json()).toEqual({ id: 2 });
    const [before, after] = [await detailOf(fixture, 1), await detailOf(fixture, 2)];
    expect(before).toMatchObject({ outcome: 'refused', code: 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD' });
    expect(after).toMatchObject({
      outcome: 'accepted',
      replayOf: 1,
      url: '/a/b?x=1',
      contentType: 'text/odd',
    });
    expect(after.rawHeaders).toEqual(expect.arrayContaining(['x-mine', 'kept']));
    expect(after.rawHeaders.filter((each) => each === 'stripe-signature')).toHaveLength(1);
    expect(fixture.bodies[1]).toEqual(fixture.bodies[0]);
  });

  test.each([
    ['a form', 'Body=hi&From=%2B49', 1],
    ['JSON, whose digest is in the query', '{"a":1}', 0],
  ])('a signed URL is signed again: %s', async (_, body, rule) => {
    const publicUrl = 'https://hooks.example.com/in';
    const fixture = await fixtureWith({ scheme: twilio(), publicUrl, secrets: SECRET });
    const signed = sign(twilio(), { secret: SECRET, body, url: `${publicUrl}?a=1`, rule });
    await fixture.post(`/in${new URL(signed.url ?? '').search}`, signed.headers, signed.body);
    expect((await detailOf(fixture, 1)).outcome).toBe('accepted');
    expect(await (await api(fixture, 'deliveries/1/replay', { method: 'POST' })).json()).toEqual({ id: 2 });
    expect((await detailOf(fixture, 2)).outcome).toBe('accepted');
  });

  test('only the sender can sign with its private key: the page says so', async () => {
    const { secret, signingSecret } = generateSigningKeys(discord());
    const fixture = await fixtureWith({ scheme: discord(), secrets: secret });
    const signed = sign(discord(), { secret: signingSecret, body: '{"type":2}' });
    await fixture.post('/', signed.headers, signed.body);
    expect(await detailOf(fixture, 1)).toMatchObject({
      outcome: 'accepted',
      replayObstacle: 'Only the sender has the private key. Use “Resend” at the sender.',
    });
    const refused = await api(fixture, 'deliveries/1/replay', { method: 'POST' });
    expect([refused.status, await refused.json()]).toEqual([
      409,
      { error: 'Only the sender has the private key. Use “Resend” at the sender.' },
    ]);
  });
});

describe('the server of the page', () => {
  test('sends changes as they happen, several together, and stops when the page is closed', async () => {
    const fixture = await fixtureWith();
    const leaving = new AbortController();
    const events = await api(fixture, 'events', { signal: leaving.signal });
    expect(events.headers.get('content-type')).toBe('text/event-stream');
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    await Promise.all([fixture.send(), fixture.send(), fixture.send()]);
    const latest = new Map<number, string>();
    let text = '';
    while ([...latest.values()].filter((outcome) => outcome === 'accepted').length < 3) {
      text += (await reader?.read())?.value ?? '';
      for (const [, data = ''] of text.matchAll(/^data: (.*)\n\n/gm))
        for (const { id, outcome } of (JSON.parse(data) as ListUpdate).deliveries) latest.set(id, outcome);
    }
    expect([...latest.keys()].sort()).toEqual([1, 2, 3]);
    leaving.abort();
  });

  test('answers only with the token, and only under a name of this machine', async () => {
    const fixture = await fixtureWith();
    const url = new URL(fixture.listening.inspectorUrl);
    expect((await fetch(new URL('/', url))).status).toBe(404);
    expect((await fetch(new URL('/x/api/deliveries', url))).status).toBe(404);
    const status = (headers: Record<string, string>) =>
      new Promise((resolve) =>
        request(url, { headers }, (response) => resolve(response.resume().statusCode)).end(),
      );
    expect(await status({ host: 'rebound.example' })).toBe(421);
    expect(await status({ host: url.host })).toBe(200);
  });
});

describe('what can go wrong at the start', () => {
  const options = { scheme: stripe(), secrets: SECRET, to: 'http://127.0.0.1:9', port: 0 };

  test.each([
    ['localhost:3000', 'The target must begin with http:// or https://.'],
    ['nonsense', 'The target "nonsense" is not a URL.'],
    ['ftp://a', 'The target must begin with http:// or https://.'],
    ['http://user:canary@a', 'The target must not contain a user name or a password.'],
    ['http://a?b', 'The target must not contain a query or a fragment'],
  ])('--to %s', async (to, message) => {
    const failed = await listen({ ...options, to }).catch((error: Error) => error);
    expect(String(failed)).toContain(message);
    expect(String(failed)).not.toContain('canary');
  });

  test('ports in use, a record that can not be written, a secret that can not be one', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    cleanups.push(() => taken.close());
    await expect(listen({ ...options, port })).rejects.toThrow(
      `The port ${port} is in use. Stop what uses it, or pass another one: --port `,
    );
    await expect(listen({ ...options, inspectorPort: port })).rejects.toThrow(`The port ${port} is in use.`);
    await expect(listen({ ...options, record: join(folder, 'no/such/folder') })).rejects.toThrow(
      /can't be written \(ENOENT\)/,
    );
    await expect(listen({ ...options, record: folder })).rejects.toThrow(/can't be written \(EISDIR\)/);
    await expect(listen({ ...options, secrets: '' })).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_SECRETS_INVALID',
    });
    // Nothing of it holds a port or a file: the same works now.
    const listening = await listen(options);
    await listening.close();
  });

  test('a record whose disk is full: one sentence, and deliveries still pass', async () => {
    const fixture = await fixtureWith({ record: '/dev/full' });
    await fixture.send();
    await fixture.send();
    await vi.waitUntil(() => fixture.warnings.length > 0);
    expect(fixture.warnings).toEqual([
      'The record file "/dev/full" can\'t be written any more (ENOSPC), so nothing more is recorded. Deliveries are still passed on.',
    ]);
    expect(fixture.bodies).toHaveLength(2);
  });
});
