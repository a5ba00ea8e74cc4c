import { createHmac } from 'node:crypto';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { expect, test } from 'vitest';
import { type Ended, inProcess } from './support/command.ts';
import { temporaryFolder } from './support/folder.ts';
import { startInstance } from './support/instance.ts';
import { startReceiver } from './support/receiver.ts';

const folder = temporaryFolder();
const CANARY = 'canary-0123456789abcdef-0123456789abcdef';
const OLD = 'kanarie-0123456789abcdef-0123456789abcdef';
const env = { S: CANARY, S_PREVIOUS: OLD, KEY: CANARY, TOKEN: CANARY };

/** The ways in which a secret, or what was computed with it, could be shown. */
function traces(body: string | Buffer): string[] {
  return [CANARY, OLD].flatMap((secret) => {
    const computed = createHmac('sha256', secret).update(body).digest();
    return [
      secret,
      Buffer.from(secret).toString('base64').slice(0, -4),
      Buffer.from(secret).toString('hex'),
      computed.toString('hex').slice(0, 12),
      computed.toString('base64').slice(0, 12),
    ];
  });
}

test('no secret and no computed signature is in any output, except what sign prints', async () => {
  const BODY = '{"id":1}';
  const body = await folder.write('body.json', BODY);
  const set = await folder.write('set.json', JSON.stringify({ current: CANARY, previous: OLD }));
  const receiver = await startReceiver(github(), { current: CANARY, previous: OLD });
  const stranger = await startReceiver(github(), 'another-secret-0123456789abcdef');
  const instance = await startInstance('web-1', {
    github: { scheme: github(), secrets: { current: CANARY, previous: OLD } },
  });
  const genuine = sign(github(), { secret: CANARY, body: BODY });
  const request = (changes: object) => JSON.stringify({ headers: genuine.headers, body: BODY, ...changes });
  const files = {
    genuine: await folder.write('genuine.json', request({})),
    changed: await folder.write('changed.json', request({ body: '{ "id": 1 }' })),
    unsigned: await folder.write('unsigned.json', request({ headers: {} })),
    broken: await folder.write('broken.json', `{"headers": "${genuine.headers['x-hub-signature-256']}", x`),
    head: await folder.write(
      'head.http',
      `POST / HTTP/1.1\nx-hub-signature-256 ${genuine.headers['x-hub-signature-256']}\n`,
    ),
  };
  const secretArgs = [
    ['--secret-env', 'S'],
    ['--secret-file', set],
  ];
  const commands: string[][] = [
    ...secretArgs.flatMap((from) =>
      [receiver.url, stranger.url, 'http://127.0.0.1:1/'].flatMap((to) =>
        [[], ['--tampered'], ['--previous'], ['--twice'], ['--json']].map((more) => [
          ...['send', 'github', '--to', to, '--body', body],
          ...from,
          ...more,
        ]),
      ),
    ),
    ...secretArgs.flatMap((from) =>
      Object.values(files).flatMap((file) => [
        ['explain', 'github', ...from, file],
        ['explain', 'github', ...from, file, '--json'],
        ['explain', 'stripe', ...from, file],
      ]),
    ),
    ['explain', 'svix', '--secret-env', 'S', files.genuine],
    ['sign', 'svix', '--secret-env', 'S'],
    ['sign', 'paypal', '--option', 'webhookId=1', '--secret-env', 'S'],
    ['sign', 'stripe', '--secret', CANARY],
    ['sign', 'stripe', `--secret=${CANARY}`],
    ['sign', 'stripe', '--secret-env', CANARY],
    [
      'rotate',
      'polyai',
      '--target',
      set,
      '--option-env',
      'apiKey=KEY',
      '--option',
      'endpointId=whe_1',
      '--option',
      'baseUrl=http://127.0.0.1:1',
      '--poll-seconds',
      '0.01',
    ],
    [
      'rotate',
      'polyai',
      '--target',
      set,
      '--option-env',
      'apiKey=KEY',
      '--option',
      'endpointId=whe_1',
      '--dry-run',
    ],
    ['rotate', 'polyai', '--target', set, '--option', `apiKey=${CANARY}`],
    ['health', instance.healthUrl, '--token-env', 'TOKEN'],
    ['health', instance.healthUrl, 'http://127.0.0.1:1/', '--json', '--token-env', 'TOKEN'],
  ];
  const found: string[] = [];
  const codes = new Set<number | null>();
  for (const args of commands) {
    const { code, stdout, stderr }: Ended = await inProcess(args, { env });
    codes.add(code);
    for (const trace of [...traces(BODY), ...traces('{ "id": 1 }')])
      if ((stdout + stderr).includes(trace)) found.push(`${args.join(' ')}: ${trace}`);
  }
  await Promise.all([receiver.close(), stranger.close(), instance.close()]);
  expect(found).toEqual([]);
  // All ways to end were seen.
  expect([...codes].toSorted()).toEqual([0, 1, 2]);
  // And the traces are those of a real signature.
  const { stdout } = await inProcess(['sign', 'github', '--secret-env', 'S', '--body', body], { env });
  expect(traces(BODY).some((trace) => stdout.includes(trace))).toBe(true);
});
