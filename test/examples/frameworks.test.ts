import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { anchorBrowser } from '@countersign/schemes';
import { type SignedRequest, sign, tamper } from '@countersign/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const FIRST = '4e0f1c7a9b2d4865af03d1c85b7e6f92';
const SECOND = 'b7715d0c3fe94a26810bd95f2ec4a763';

describe.each(['express', 'fastify', 'koa', 'fetch'])('the example for %s', (framework) => {
  const main = fileURLToPath(new URL(`../../examples/${framework}/src/main.ts`, import.meta.url));
  let folder: string;
  let app: ChildProcessByStdio<null, Readable, Readable>;
  let url: string;
  const output = { stdout: '', stderr: '' };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-example-'));
    const secrets = join(folder, 'anchor.json');
    await writeFile(secrets, JSON.stringify({ current: FIRST }));
    app = spawn(process.execPath, ['--conditions=countersign-source', '--import=tsx', main], {
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
    await vi.waitFor(() => expect(output.stdout, output.stderr).toMatch(/listening on port \d+/), {
      timeout: 60_000,
    });
    url = `http://127.0.0.1:${/port (\d+)/.exec(output.stdout)?.[1]}`;
  });

  afterAll(async () => {
    if (app.exitCode === null && app.kill('SIGKILL')) await once(app, 'exit');
    await rm(folder, { recursive: true, force: true });
  });

  test('handles a delivery, once', async () => {
    const delivery = signed('evt_1', FIRST);
    expect((await send(url, delivery)).status).toBe(204);
    expect((await send(url, delivery)).status).toBe(200);
    expect(output.stdout.match(/handled evt_1/g)).toHaveLength(1);
  });

  test('refuses what was tampered with, and handles none of it', async () => {
    const response = await send(url, tamper(signed('evt_forged', FIRST)));
    expect([response.status, await response.text()]).toEqual([401, '{"error":"webhook refused"}']);
    expect(output.stdout).not.toContain('evt_forged');
  });

  test('loads a rotated secret from its file while it runs, and also accepts the old one', async () => {
    const previous = { secret: FIRST, notAfter: new Date(Date.now() + 600_000).toISOString() };
    await writeFile(join(folder, 'anchor.json'), JSON.stringify({ current: SECOND, previous }));
    await vi.waitFor(
      async () => expect((await send(url, signed('evt_2', SECOND))).status).toBeLessThan(300),
      10_000,
    );
    expect((await send(url, signed('evt_3', FIRST))).status).toBe(204);
  });

  test('shows its health, without a secret', async () => {
    const response = await fetch(`${url}/health`);
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ state: expect.stringMatching(/^(?:ready|degraded)$/) });
    for (const secret of [FIRST, SECOND]) expect(text).not.toContain(secret);
  });

  test('ends by itself within seconds of SIGTERM, under a connection that is never idle', async () => {
    const exited = once(app, 'exit');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let answered = 0;
    const busy = (async () => {
      // Until the app no longer takes connections.
      for (let number = 0; ; number++) {
        const status = await sendThrough(agent, url, signed(`evt_busy_${number}`, SECOND));
        if (status === undefined) return;
        if (status === 204) answered += 1;
      }
    })();
    await vi.waitFor(() => expect(answered).toBeGreaterThan(10), 10_000);
    const toldAt = performance.now();
    app.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(performance.now() - toldAt).toBeLessThan(30_000);
    await busy;
    agent.destroy();
    // Nothing but the forgery of an earlier test.
    expect(output.stderr).toMatch(/^(A webhook for "[a-z-]+" was refused with 401 .*\n)?$/);
    // Every delivery that got a response had been handled.
    expect(output.stdout.match(/handled evt_busy_/g)?.length).toBeGreaterThanOrEqual(answered);
    for (const secret of [FIRST, SECOND]) expect(output.stdout + output.stderr).not.toContain(secret);
  });
});

/** The status, or `undefined` if the server is gone. */
function sendThrough(
  agent: Agent,
  url: string,
  { headers, body }: SignedRequest,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const sent = request(
      `${url}/hooks/anchor`,
      { agent, method: 'POST', headers: { ...headers, 'content-length': body.byteLength } },
      (answer) => answer.resume().on('end', () => resolve(answer.statusCode)),
    );
    sent.on('error', () => resolve(undefined)).end(Buffer.from(body));
  });
}

function signed(id: string, secret: string): SignedRequest {
  return sign(anchorBrowser(), { secret, body: JSON.stringify({ id, type: 'session.ended' }) });
}

function send(url: string, { headers, body }: SignedRequest): Promise<Response> {
  return fetch(`${url}/hooks/anchor`, { method: 'POST', headers, body: Buffer.from(body) });
}
