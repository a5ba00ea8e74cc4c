import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { anchorBrowser } from '@countersign/schemes';
import { type SignedRequest, sign, tamper } from '@countersign/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const MAIN = fileURLToPath(new URL('../../examples/nestjs/src/main.ts', import.meta.url));
const SECRET = '4e0f1c7a9b2d4865af03d1c85b7e6f92';

let folder: string;
let app: ChildProcessByStdio<null, Readable, Readable>;
let url: string;
const output = { stdout: '', stderr: '' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-example-'));
  const secrets = join(folder, 'anchor.json');
  await writeFile(secrets, JSON.stringify({ current: SECRET }));
  app = spawn(process.execPath, ['--conditions=countersign-source', '--import=tsx', MAIN], {
    env: {
      ...process.env,
      PORT: '0',
      ANCHOR_SECRETS: secrets,
      NODE_ENV: 'production',
      NODE_OPTIONS: '--unhandled-rejections=strict',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  app.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  app.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  await vi.waitFor(() => expect(output.stdout, output.stderr).toMatch(/listening on \S+:\d+/), {
    timeout: 60_000,
  });
  url = `http://127.0.0.1:${/listening on \S+:(\d+)/.exec(output.stdout)?.[1]}`;
});

afterAll(async () => {
  if (app.exitCode === null && app.signalCode === null && app.kill('SIGKILL')) await once(app, 'exit');
  await rm(folder, { recursive: true, force: true });
});

test('the app handles a delivery, once', async () => {
  const delivery = signed('evt_1', SECRET);
  expect((await send(delivery)).status).toBe(204);
  expect((await send(delivery)).status).toBe(200);
  expect(output.stdout.match(/handled evt_1/g)).toHaveLength(1);
});

test('the app refuses what was tampered with, and neither handles nor logs any of it', async () => {
  const response = await send(tamper(signed('evt_forged', SECRET)));
  expect([response.status, await response.text()]).toEqual([401, '{"error":"webhook refused"}']);
  expect(output.stdout).not.toContain('evt_forged');
});

test('the app shows its health, without a secret', async () => {
  const response = await fetch(`${url}/health`);
  const text = await response.text();
  expect(response.status).toBe(200);
  expect(JSON.parse(text)).toMatchObject({ state: expect.stringMatching(/^(?:ready|degraded)$/) });
  expect(text).not.toContain(SECRET);
});

test('the app ends on a signal, without open work', async () => {
  const exited = once(app, 'exit');
  app.kill('SIGTERM');
  // Nest sends itself the signal once its hooks have run.
  expect(await exited).toEqual([null, 'SIGTERM']);
  expect(output.stderr).toBe('');
  expect(output.stdout).not.toContain(SECRET);
});

function signed(id: string, secret: string): SignedRequest {
  return sign(anchorBrowser(), { secret, body: JSON.stringify({ id, type: 'session.ended' }) });
}

function send({ headers, body }: SignedRequest): Promise<Response> {
  return fetch(`${url}/hooks/anchor`, { method: 'POST', headers, body: Buffer.from(body) });
}
