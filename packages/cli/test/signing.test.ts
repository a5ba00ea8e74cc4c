import { execFile } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { createVerifier, type DefinedScheme, replayRecord } from '@countersign/core';
import { github, langsmith, polyai, shopify, stripe, twilio } from '@countersign/schemes';
import { generateSigningKeys } from '@countersign/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { exampleOf } from '../src/catalogue/about.ts';
import { isDefined } from '../src/catalogue/signature-facts.ts';
import { kebab, SENDERS } from '../src/sender.ts';
import { countersign, inProcess } from './support/command.ts';
import { temporaryFolder } from './support/folder.ts';
import { type Receiver, serve, startReceiver } from './support/receiver.ts';

const folder = temporaryFolder();
const SECRET = 'whsec_canary0123456789canary01234';
const OLD_SECRET = 'whsec_previous6789canary01234canary';
const env = { S: SECRET, S_PREVIOUS: OLD_SECRET, OTHER: OLD_SECRET };

const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function receiver(...args: Parameters<typeof startReceiver>): Promise<Receiver> {
  const started = await startReceiver(...args);
  closings.push(() => started.close());
  return started;
}

const SIGNABLE = Object.keys(SENDERS).filter((factory) => isDefined(exampleOf(factory)));

test.each(SIGNABLE)('what is signed for %s without a body is what its verifier accepts', async (factory) => {
  const scheme = exampleOf(factory) as DefinedScheme;
  const { secret, signingSecret } = generateSigningKeys(scheme);
  const path = await folder.write(factory, signingSecret);
  const { code, stdout, stderr } = await inProcess([
    'sign',
    kebab(factory),
    '--secret-file',
    path,
    '--format',
    'json',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { method, url, headers, body } = JSON.parse(stdout);
  const { pathname, search } = new URL(url);
  const publicUrl = 'http://localhost:3000/webhook';
  const verifier = createVerifier({ scheme, secrets: secret, publicUrl, observe: () => undefined });
  const webhook = await verifier.verify({ method, url: pathname + search, headers, body: Buffer.from(body) });
  await verifier.close();
  expect(webhook.key.role).toBe('current');
});

// They sign nothing of the body that this command could choose, so two deliveries in one second are one.
const BY_TIME = ['dropboxSign', 'vonageSms'];

test.each(SIGNABLE.filter((name) => !BY_TIME.includes(name)))(
  'two deliveries of %s without a body are two deliveries',
  async (factory) => {
    const scheme = exampleOf(factory) as DefinedScheme;
    const { secret, signingSecret } = generateSigningKeys(scheme);
    const path = await folder.write(factory, signingSecret);
    const publicUrl = 'http://localhost:3000/webhook';
    await using verifier = createVerifier({ scheme, secrets: secret, publicUrl, observe: () => undefined });
    const key = async () => {
      const { stdout } = await inProcess(['sign', kebab(factory), '--secret-file', path, '--format', 'json']);
      const { method, url, headers, body } = JSON.parse(stdout);
      const { pathname, search } = new URL(url);
      const request = { method, url: pathname + search, headers, body: Buffer.from(body) };
      return replayRecord(await verifier.verify(request)).key;
    };
    expect(await key()).not.toBe(await key());
  },
);

describe('countersign sign', () => {
  test('prints a curl command that a receiver accepts, with any text', async () => {
    const { url, handled } = await receiver(stripe(), SECRET);
    const body = `{"id":"evt_1","text":"it's $HOME \\"q\\" \\\\ é 😀\\n"}\n`;
    const { stdout } = await countersign(
      ['sign', 'stripe', '--secret-env', 'S', '--to', url, '--body', '-'],
      {
        env,
        input: body,
      },
    );
    expect(await shell(`${stdout.trimEnd()} -s -o /dev/null -w '%{http_code}'`)).toBe('204');
    expect(handled[0]?.text()).toBe(body);
  });

  test('prints a curl command for bytes that are no text', async () => {
    const { url, handled } = await receiver(github(), SECRET);
    const bytes = Buffer.from([0, 255, 10, 13, 39, 128]);
    const path = await folder.write('bytes', bytes);
    const { stdout } = await inProcess(['sign', 'github', '--secret-env', 'S', '--to', url, '--body', path], {
      env,
    });
    expect(await shell(`${stdout.trimEnd()} -s -o /dev/null -w '%{http_code}'`)).toBe('204');
    expect(Buffer.from(handled[0]?.body ?? []).equals(bytes)).toBe(true);
  });

  test('signs an event type, an id and further headers', async () => {
    const { stdout } = await inProcess(
      ['sign', 'github', '--secret-env', 'S', '--format', 'json', '--type', 'push', '--header', 'X-Trace: 1'],
      { env },
    );
    expect(JSON.parse(stdout).headers).toMatchObject({ 'x-github-event': 'push', 'x-trace': '1' });
    const svix = await inProcess([
      'sign',
      'svix',
      '--secret-file',
      await folder.write('svix', `whsec_${Buffer.alloc(24, 7).toString('base64')}`),
      '--format',
      'json',
      '--id',
      'msg_7',
    ]);
    expect(JSON.parse(svix.stdout).headers['svix-id']).toBe('msg_7');
  });

  test('says that it sets the signed time in a given body', async () => {
    const path = await folder.write('langsmith.json', '{"id":"1"}');
    const { stdout, stderr } = await inProcess(
      ['sign', 'langsmith', '--secret-env', 'S', '--format', 'json', '--body', path],
      { env },
    );
    expect(stderr).toContain('The field "created" of the body, which contains the signed time, was set.');
    expect(JSON.parse(JSON.parse(stdout).body).created).toBeGreaterThan(1_700_000_000);
  });

  test.each([
    ['paypal', [], "can't be signed here"],
    ['discord', [], 'signs with a private key that only it has'],
    ['github', ['--expired'], 'signs no time, so nothing expires'],
    ['langsmith', ['--body', 'text'], 'the body is not a JSON object'],
    ['gitlab-token', ['--tampered'], 'so no receiver can notice a changed body'],
  ])('%s %j: says why it can not sign', async (sender, args, sentence) => {
    await folder.write('text', 'no JSON');
    const withPath = args.map((arg) => (arg === 'text' ? folder.path('text') : arg));
    const option = sender === 'paypal' ? ['--option', 'webhookId=1'] : [];
    const { code, stdout, stderr } = await inProcess(
      ['sign', sender, '--secret-env', 'S', ...option, ...withPath],
      { env },
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
  });
});

describe('countersign send', () => {
  const send = (sender: string, url: string, ...args: string[]) =>
    inProcess(['send', sender, '--secret-env', 'S', '--to', url, ...args], { env });

  test('delivers, and says that the sender counts it as delivered', async () => {
    const { url, handled } = await receiver(stripe(), SECRET);
    const { code, stdout } = await countersign(['send', 'stripe', '--secret-env', 'S', '--to', url], { env });
    expect(stdout).toMatch(/^204 No Content in \d+ ms\nAccepted\. Stripe counts it as delivered\.\n$/);
    expect(code).toBe(0);
    expect(handled).toHaveLength(1);
    expect(handled[0]?.type).toBe('test');
  });

  test('sends huge bodies and binary ones byte for byte', async () => {
    const { url, handled } = await receiver(github(), SECRET);
    const huge = Buffer.alloc(20 * 1024 * 1024, 'a');
    const path = await folder.write('huge', huge);
    const { code } = await countersign(['send', 'github', '--secret-env', 'S', '--to', url, '--body', path], {
      env,
    });
    expect(code).toBe(0);
    expect(Buffer.from(handled[0]?.body ?? []).equals(huge)).toBe(true);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await countersign(['send', 'github', '--secret-env', 'S', '--to', url, '--body', '-'], {
      env,
      input: bytes,
    });
    expect(Buffer.from(handled[1]?.body ?? []).equals(bytes)).toBe(true);
  });

  test('--twice: the handler runs once', async () => {
    const { url, handled } = await receiver(stripe(), SECRET);
    const { code, stdout } = await send('stripe', url, '--twice');
    expect(code).toBe(0);
    expect(stdout).toContain('Accepted again.');
    expect(handled).toHaveLength(1);
  });

  test('a second send of a sender that signs only the body is a second delivery', async () => {
    const { url, handled } = await receiver(shopify(), SECRET);
    expect((await send('shopify', url)).code).toBe(0);
    expect((await send('shopify', url)).code).toBe(0);
    expect(handled).toHaveLength(2);
  });

  test.each([
    ['stripe', 'The receiver was not ready, which says nothing about the secret', 'another secret'],
    ['ably', 'another secret', 'was not ready'],
  ])('%s and a receiver that refuses with 503', async (sender, sentence, other) => {
    const { url, close } = await serve((request, response) => {
      request.resume();
      response.writeHead(503, { 'retry-after': '5' }).end('{"error":"webhook refused"}');
    });
    closings.push(close);
    const { code, stdout } = await send(sender, url);
    expect(code).toBe(1);
    expect(unwrapped(stdout)).toContain(sentence);
    expect(unwrapped(stdout)).not.toContain(other);
  });

  test.each(['--tampered', '--expired'])('%s: yes if it is refused', async (flag) => {
    const { url, handled } = await receiver(stripe(), SECRET);
    const { code, stdout } = await send('stripe', url, flag);
    expect(code).toBe(0);
    expect(unwrapped(stdout)).toContain(
      'Not accepted, as it must be. If it were genuine: Stripe tries again after 401, for 3 days.',
    );
    expect(handled).toEqual([]);
  });

  test.each(['--tampered', '--expired'])('%s: no if a receiver accepts it', async (flag) => {
    const { url, close } = await serve((request, response) => {
      request.resume();
      response.end('ok');
    });
    closings.push(close);
    const { code, stdout } = await send('stripe', url, flag);
    expect(code).toBe(1);
    expect(unwrapped(stdout)).toContain('An attacker could do the same.');
  });

  test('--previous: yes while the receiver has the previous secret, and no after that', async () => {
    const both = await receiver(polyai(), { current: SECRET, previous: OLD_SECRET });
    expect(await send('polyai', both.url, '--previous')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('the receiver still has the previous secret'),
    });
    expect(both.handled[0]?.key.role).toBe('previous');
    const one = await receiver(polyai(), SECRET);
    expect(await send('polyai', one.url, '--previous')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('signed with the previous secret are not accepted'),
    });
  });

  test('a refusal means what the sender documents about retries', async () => {
    const { url } = await receiver(langsmith(), OLD_SECRET);
    const { code, stdout } = await send('langsmith', url);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^429 Too Many Requests/);
    expect(stdout).toContain('LangSmith (Engine and Context Hub webhooks) tries again after 429.');
    expect(stdout).toMatch(/asks to wait \d+ s \(Retry-After\)/);
    expect(stdout).toContain('countersign listen langsmith');
  });

  test.each([
    ['stripe', 404, 'Stripe tries again after 404, for 3 days.', 'correct the path in --to'],
    ['langsmith', 400, 'does not try again after 400: the delivery is lost.', ''],
    ['twilio', 500, 'Twilio does not try again after 500: the delivery is lost.', 'a body parser ran before'],
    [
      'contentful',
      302,
      'does not document what it retries, so after 302 the delivery may be lost.',
      'do not follow redirects',
    ],
  ])('%s and %i', async (sender, status, meaning, hint) => {
    const { url, close } = await serve((request, response) => {
      request.resume();
      response.writeHead(status, { location: '/' }).end();
    });
    closings.push(close);
    const { code, stdout } = await send(sender, url);
    const text = unwrapped(stdout);
    expect(code).toBe(1);
    expect(text).toContain(meaning);
    expect(text).toContain(hint);
  });

  test('signs the public URL, and sends to another one', async () => {
    const publicUrl = 'https://hooks.example.com/sms?id=1';
    const { url, handled } = await receiver(twilio(), SECRET, { publicUrl });
    const { code } = await send('twilio', `${url}?id=1`, '--public-url', publicUrl);
    expect(code).toBe(0);
    expect(handled).toHaveLength(1);
  });

  test('--json: the status and its meaning, and nothing that was signed', async () => {
    const { url } = await receiver(stripe(), SECRET);
    const { stdout } = await send('stripe', url, '--json', '--twice');
    expect(JSON.parse(stdout)).toMatchObject([
      { status: 204, good: true, message: 'Accepted. Stripe counts it as delivered.' },
      { status: 200, good: true },
    ]);
  });

  test('shows a response of a stranger without its control characters, and not all of it', async () => {
    const { url, close } = await serve((request, response) => {
      request.resume();
      response.writeHead(500).end(`\u001b[31mred\u0007${'x'.repeat(100_000)}`);
    });
    closings.push(close);
    const { stdout } = await send('stripe', url);
    expect(stdout).toContain('\\x1b[31mred\\x07xxx');
    expect(stdout.length).toBeLessThan(2000);
  });

  describe('no response', () => {
    test.each([
      [
        'a receiver that is down',
        'http://127.0.0.1:1/',
        'Nothing listens at 127.0.0.1:1. Start the receiver',
      ],
      ['an unknown host', 'http://receiver.invalid/', 'The host receiver.invalid is not known.'],
    ])('%s', async (_, url, sentence) => {
      const { code, stdout, stderr } = await countersign(
        ['send', 'stripe', '--secret-env', 'S', '--to', url],
        { env },
      );
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(sentence);
      expect(stderr).not.toContain('    at ');
    });

    test.each([
      [
        'closes at once',
        (socket: import('node:net').Socket) => socket.destroy(),
        'closed the connection without a response',
      ],
      [
        'speaks something else',
        (socket: import('node:net').Socket) => socket.end('220 mail\r\n'),
        'does not speak HTTP',
      ],
    ])('a server that %s', async (_, onConnection, sentence) => {
      const server = createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => onConnection(socket));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closings.push(() => new Promise((resolve) => server.close(resolve)));
      const { code, stderr } = await send(
        'stripe',
        `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      );
      expect(code).toBe(2);
      expect(stderr).toContain(sentence);
    });

    test('https where http is spoken', async () => {
      const { url } = await receiver(stripe(), SECRET);
      const { code, stderr } = await send('stripe', url.replace('http:', 'https:'));
      expect(code).toBe(2);
      expect(stderr).toContain('does not speak TLS');
    });
  });
});

/** A text as one line. */
const unwrapped = (text: string) => text.replace(/\s+/g, ' ');

function shell(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', command], (error, stdout) => (error === null ? resolve(stdout) : reject(error)));
  });
}
