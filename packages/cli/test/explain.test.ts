import { github, stripe, twilio } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { countersign, type Ended, inProcess } from './support/command.ts';
import { temporaryFolder } from './support/folder.ts';

const folder = temporaryFolder();
const SECRET = 'whsec_canary0123456789canary01234';
const env = { S: SECRET, PADDED: `${SECRET} `, OTHER: 'whsec_another9876543210another987654' };
const BODY = '{"id":"evt_1","amount":1,"text":"it\'s é 😀"}';
const URL_OF_HOOK = 'https://hooks.example.com/in?x=1';
const { headers, body } = sign(stripe(), { secret: SECRET, body: BODY });
const SIGNATURE = headers['stripe-signature'] ?? '';

const lines = [
  'POST /in?x=1 HTTP/1.1',
  'Host: hooks.example.com',
  'Content-Type: application/json',
  `Stripe-Signature: ${SIGNATURE}`,
];
const http = (text: string | Buffer = body, more: readonly string[] = []) =>
  Buffer.concat([Buffer.from(`${[...lines, ...more].join('\r\n')}\r\n\r\n`), Buffer.from(text as string)]);
const pairs = [
  { name: ':method', value: 'POST' },
  { name: 'content-type', value: 'application/json' },
  { name: 'stripe-signature', value: SIGNATURE },
];
const entry = (text: string, at = new Date().toISOString()) => ({
  startedDateTime: at,
  request: {
    method: 'POST',
    url: URL_OF_HOOK,
    headers: pairs,
    postData: { mimeType: 'application/json', text },
  },
});
const har = (...entries: unknown[]) => JSON.stringify({ log: { version: '1.2', entries } }, undefined, 2);
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const curl = (data: string) =>
  `curl ${quoted(URL_OF_HOOK)} \\\n  -H 'content-type: application/json' \\\n  -H 'Stripe-Signature: ${SIGNATURE}' \\\n  --compressed ${data}`;
const record = (fields: object) =>
  JSON.stringify({ receivedAt: new Date().toISOString(), method: 'POST', url: '/in', ...fields });

async function explain(content: string | Buffer, ...args: string[]): Promise<Ended> {
  const path = await folder.write('request', content);
  return inProcess(['explain', 'stripe', '--secret-env', 'S', path, ...args], { env });
}

describe('a genuine request is accepted', () => {
  test.each<[string, string | Buffer]>([
    ['HTTP text', http()],
    ['HTTP text with LF', Buffer.from(http().toString('latin1').replaceAll('\r\n', '\n'), 'latin1')],
    ['HTTP text without a request line', http().subarray(http().indexOf('\n') + 1)],
    ['HTTP text behind blank lines', Buffer.concat([Buffer.from('\r\n\n'), http()])],
    ['HTTP text with the line break of an editor', http(`${BODY}\n`, [`content-length: ${body.length}`])],
    [
      'HTTP text in chunks',
      http(
        Buffer.concat([
          Buffer.from('5\r\n'),
          body.subarray(0, 5),
          Buffer.from(`\r\n${(body.length - 5).toString(16)};x=y\r\n`),
          body.subarray(5),
          Buffer.from('\r\n0\r\n\r\n'),
        ]),
        ['transfer-encoding: chunked'],
      ),
    ],
    ['HTTP text whose chunks were removed', http(body, ['transfer-encoding: chunked'])],
    ['HAR', har({ request: { method: 'GET', url: '/', headers: [] } }, entry(BODY))],
    ['HAR in one line', JSON.stringify(JSON.parse(har(entry(BODY))))],
    ['curl', curl(`--data-raw ${quoted(BODY)}`)],
    ['curl with -d', curl(`-d ${quoted(BODY)}`)],
    ['curl with -d beside the text', curl(`-d${quoted(BODY)}`)],
    [
      'curl as Chrome copies it',
      curl(
        `--data-raw $'${BODY.replaceAll("'", "\\'").replace('é', '\\u00e9').replace('😀', '\\U0001f600')}'`,
      ),
    ],
    ['curl in double quotes', curl(`--data-raw "${BODY.replaceAll('"', '\\"')}"`)],
    ['curl behind a prompt and before a pipe', `$ ${curl(`--data-raw ${quoted(BODY)}`)} | jq .`],
    [
      'a record with raw pairs',
      record({ rawHeaders: pairs.slice(1).flatMap(({ name, value }) => [name, value]), body: BODY }),
    ],
    [
      'a record with lists of pairs',
      record({ headers: pairs.slice(1).map(({ name, value }) => [name, value]), body: BODY }),
    ],
    ['a record with an object', record({ headers, body: BODY })],
    ['a record with base64', record({ headers, bodyBase64: body.toString('base64') })],
    [
      'a record of the inspector',
      record({
        countersign: 1,
        rawHeaders: pairs.slice(1).flatMap(({ name, value }) => [name, value]),
        body: body.toString('base64'),
        sender: 'stripe',
        durationMs: 1,
        verdict: { state: 'refused' },
      }),
    ],
    [
      'a record around a request',
      JSON.stringify(
        { time: new Date(), request: { headers, body: { base64: body.toString('base64') } } },
        undefined,
        2,
      ),
    ],
    ['records, one a line', `${record({ headers, body: '{}' })}\n${record({ headers, body: BODY })}\n`],
    ['a record behind a byte order mark', `\ufeff${record({ headers, body: BODY })}`],
  ])('%s', async (_, content) => {
    const { code, stdout } = await explain(content);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Accepted: the request is genuine (Stripe).\n' });
  });

  test('from the standard input, in a process of its own', async () => {
    const ended = await countersign(['explain', 'stripe', '--secret-env', 'S', '-'], { env, input: http() });
    expect(ended).toMatchObject({
      code: 0,
      stderr: '',
      stdout: 'Accepted: the request is genuine (Stripe).\n',
    });
  });

  test.each(['curl', 'http', 'json'])(
    'as sign prints it: %s, with bytes that are no text',
    async (format) => {
      const bytes = await folder.write('bytes', Buffer.from([0, 255, 10, 13, 128, 39]));
      const signed = await inProcess(
        ['sign', 'github', '--secret-env', 'S', '--format', format, '--body', bytes],
        { env },
      );
      // A curl command that pipes its body in can't be read without running it.
      if (format === 'curl') return;
      const ended = await inProcess(['explain', 'github', '--secret-env', 'S', '-'], {
        env,
        input: signed.bytes,
      });
      expect(ended.stdout).toBe('Accepted: the request is genuine (GitHub).\n');
    },
  );

  test('with the body of a curl command in a file', async () => {
    const path = await folder.write('body.json', BODY);
    expect((await explain(curl(`--data-binary @${path}`))).code).toBe(0);
    expect((await explain(curl('--data-binary @/nowhere'))).stderr).toContain(
      '"/nowhere", which can\'t be read',
    );
  });
});

describe('a refused request', () => {
  test('is explained, with the fix, and with 1', async () => {
    const path = await folder.write('pretty.http', http(JSON.stringify(JSON.parse(BODY), undefined, 2)));
    const { code, stdout } = await countersign(['explain', 'stripe', '--secret-env', 'S', path], { env });
    expect(code).toBe(1);
    expect(stdout).toContain('Refused with ERR_WEBHOOK_SIGNATURE_MISMATCH (Stripe).\n1. proven:');
    expect(stdout).toContain('[body-reserialized]');
    expect(stdout.replace(/\s+/g, ' ')).toContain('Pass the bytes as received');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('--json has the verdict, the code and the causes', async () => {
    const { code, stdout } = await explain(http(JSON.stringify(JSON.parse(BODY), undefined, 2)), '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      verdict: 'refused',
      code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      causes: [{ code: 'body-reserialized', certainty: 'proven' }],
    });
  });

  test('sees the secret as it is, with its mistakes', async () => {
    const path = await folder.write('genuine.http', http());
    const { code, stdout } = await inProcess(['explain', 'stripe', '--secret-env', 'PADDED', path], { env });
    expect(code).toBe(1);
    expect(stdout).toContain('[secret-whitespace]');
  });

  test('is judged at the time of the file, of --received-at, or now', async () => {
    const old = sign(stripe(), { secret: SECRET, body: BODY, timestamp: 1_700_000_000 });
    const fields = { headers: old.headers, body: BODY };
    const now = await explain(record({ ...fields, receivedAt: undefined }));
    expect(now.stdout).toMatch(/\[(?:clock-skew|verified-too-late)\]/);
    expect((await explain(record({ ...fields, receivedAt: '2023-11-14T22:13:25Z' }))).code).toBe(0);
    expect(
      (await explain(record({ ...fields, receivedAt: undefined }), '--received-at', '1700000005')).code,
    ).toBe(0);
    expect(await explain(record(fields), '--received-at', 'yesterday')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--received-at must be a time such as'),
    });
  });

  test('can be any of a file, the last one if none is chosen', async () => {
    const file = `${record({ headers, body: '{}' })}\n${record({ headers, body: BODY })}\n`;
    const last = await explain(file);
    expect(last).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('The last of 2 requests in the JSON record'),
    });
    expect(await explain(file, '--request', '1')).toMatchObject({ code: 1, stderr: '' });
    expect(await explain(file, '--request', '3')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--request must be a number from 1 to 2'),
    });
  });

  test('names the part of the URL that differs', async () => {
    const signed = sign(twilio(), { secret: SECRET, body: 'A=1', url: 'https://hooks.example.com/sms' });
    const path = await folder.write(
      'twilio.json',
      record({
        headers: signed.headers,
        body: 'A=1',
        url: new URL(signed.url ?? '').pathname + new URL(signed.url ?? '').search,
      }),
    );
    const args = ['explain', 'twilio', '--secret-env', 'S', path, '--public-url'];
    expect((await inProcess([...args, 'https://hooks.example.com/sms'], { env })).code).toBe(0);
    expect((await inProcess([...args, 'http://hooks.example.com/sms'], { env })).stdout).toContain(
      '[url-scheme]',
    );
    // The inspector's record says which URL the sender was given.
    const { pathname, search } = new URL(signed.url ?? '');
    const recorded = {
      countersign: 1,
      rawHeaders: Object.entries(signed.headers).flat(),
      body: Buffer.from('A=1').toString('base64'),
      url: pathname + search,
      publicUrl: 'https://hooks.example.com/sms',
    };
    const own = await folder.write('recorded.json', record(recorded));
    expect((await inProcess(['explain', 'twilio', '--secret-env', 'S', own], { env })).code).toBe(0);
  });

  test('of another sender is named', async () => {
    const other = sign(github(), { secret: SECRET, body: BODY });
    const { stdout } = await explain(record({ headers: other.headers, body: BODY }));
    expect(stdout).toContain('[sender-other]');
    expect(stdout).toContain('GitHub');
  });
});

describe('a file that can not be read', () => {
  test.each([
    ['nothing', '', 'it is empty. Pass HTTP text, a HAR file, a curl command'],
    [
      'prose',
      'hello world\n',
      'HTTP text, line 1: a request line such as "POST /webhook HTTP/1.1" is expected',
    ],
    ['a response', 'HTTP/1.1 200 OK\n\n', 'HTTP text, line 1: this is a response'],
    ['a broken header', `${lines.join('\n')}\nno header\n\n{}`, 'HTTP text, line 5: a header such as'],
    ['bytes', Buffer.from([0x1f, 0x8b, 8, 0, 255, 254]), 'HTTP text, line 1'],
    [
      'broken JSON',
      '{"headers": {},\n "body": x}',
      'JSON record, line 2: valid JSON is expected, but column 10 is not',
    ],
    ['JSON that ends', '{"headers": {\n', 'JSON record, line 2'],
    ['a broken record', `${record({ headers, body: BODY })}\n{"headers":\n`, 'JSON record, line 2'],
    [
      'a record with a parsed body',
      record({ headers, body: { id: 1 } }),
      'line 1: "body" must be text, or "bodyBase64" its bytes',
    ],
    [
      'a record of the inspector that is not whole',
      JSON.stringify({ countersign: 1, headers: {}, body: 'e30=' }),
      'this record of the inspector is not whole',
    ],
    [
      'a record of the inspector without its body',
      record({ countersign: 1, rawHeaders: [] }),
      'because it was too large',
    ],
    ['a record without headers', record({ body: BODY }), '"headers" must be an object or a list'],
    ['a list', '[]', 'one JSON object a line is expected'],
    ['a HAR without entries', '{"log":{"entries":{}}}', 'HAR: "log.entries" must be a list'],
    [
      'a HAR without headers',
      har({ request: { method: 'POST' } }),
      '"log.entries[0].request.headers" must be a list',
    ],
    ['a broken HAR', har(entry(BODY)).slice(0, -30), 'HAR, line'],
    ['a curl command without a URL', "curl -H 'a: b'", 'curl command: a URL is expected'],
    [
      'a curl command with an open quotation mark',
      "curl http://x \\\n -H 'a: b",
      "curl command, line 2: the ' that begins here",
    ],
    ['a curl command with a form', 'curl http://x -F a=b', '--F builds another body each time'],
  ])('%s: says which line, and what is expected', async (_, content, sentence) => {
    const { code, stdout, stderr } = await explain(content);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('    at ');
  });

  test('is named', async () => {
    const { code, stderr } = await countersign(['explain', 'stripe', '--secret-env', 'S', '/nowhere.http'], {
      env,
    });
    expect(code).toBe(2);
    expect(stderr).toBe(
      'countersign: The file "/nowhere.http" with the request can\'t be read. There is no such file. Check the path.\n',
    );
  });
});
