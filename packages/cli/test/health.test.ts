import { writeFile } from 'node:fs/promises';
import { fileSecrets } from '@countersign/core/node';
import { github, stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { countersign, ended, inProcess, start } from './support/command.ts';
import { temporaryFolder } from './support/folder.ts';
import { type Instance, startInstance } from './support/instance.ts';
import { serve } from './support/receiver.ts';

const folder = temporaryFolder();
const NEW = 'canary-new-secret-0123456789abcdef';
const OLD = 'canary-old-secret-0123456789abcdef';
const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function instance(name: string, secrets: object, token?: string): Promise<Instance> {
  const started = await startInstance(
    name,
    { orders: { scheme: stripe(), secrets: secrets as never } },
    token,
  );
  closings.push(() => started.close());
  return started;
}

async function deliver({ url }: Instance, secret: string): Promise<number> {
  const request = sign(stripe(), { secret, body: `{"id":"evt_${crypto.randomUUID()}"}` });
  const { status } = await fetch(`${url}/orders`, { method: 'POST', ...request });
  return status;
}

const BOTH = { current: NEW, previous: OLD };

describe('countersign health', () => {
  test('shows the keys of all instances side by side, and that the previous secret is in use', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', BOTH)];
    expect(await deliver(a, NEW)).toBe(204);
    expect(await deliver(b, OLD)).toBe(204);
    const { code, stdout } = await countersign(['health', a.healthUrl, b.healthUrl]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^orders \(stripe\)\n {2}web-1 {2}\w{12} current, 1 match, the last one \S+ s ago\n/,
    );
    expect(stdout).toMatch(/^ {9}\w{12} previous, no match yet$/m);
    expect(stdout).toMatch(/^ {2}web-2 {2}\w{12} current, no match yet$/m);
    expect(stdout).toMatch(/^ {9}\w{12} previous, 1 match, the last one \S+ s ago$/m);
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toMatch(
      /Keep the previous secret: within the last 10 minutes it was used, or could have been: \w{12} on web-1, web-2\./,
    );
  });

  test('the previous secret may go once it is unused everywhere for long enough', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', BOTH)];
    await deliver(b, OLD);
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl, '--quiet', '0']);
    expect(code).toBe(0);
    expect(stdout).toContain('The previous secret may go: no instance has used it for 0 s.');
  });

  test('is content if every instance has the same secrets and no previous one', async () => {
    const [a, b] = [await instance('web-1', { current: NEW }), await instance('web-2', { current: NEW })];
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl]);
    expect(code).toBe(0);
    expect(stdout).toContain('Every instance has the same secrets, and there is no previous one.');
  });

  test('names the instance that lacks the new secret', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', { current: OLD })];
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl]);
    expect(code).toBe(1);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /The instances have different secrets: web-2 does not have the current key \w{12}\. Wait until all have reloaded\./,
    );
  });

  test('names the key whose role differs', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', { current: OLD, next: NEW })];
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl]);
    expect(code).toBe(1);
    expect(stdout.replace(/\s+/g, ' ')).toContain('is current on some instances and next on others.');
  });

  test('--json has the same', async () => {
    const [a, b] = [await instance('web-1', BOTH), await instance('web-2', BOTH)];
    await deliver(b, OLD);
    const { code, stdout } = await inProcess(['health', a.healthUrl, b.healthUrl, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      done: false,
      instances: [{ instance: 'web-1' }, { instance: 'web-2' }],
      unreachable: [],
      endpoints: [
        {
          name: 'orders',
          scheme: 'stripe',
          verdict: 'in-use',
          keys: [
            { roles: ['current'], uses: [{ matches: 0 }, { matches: 0 }] },
            { roles: ['previous'], uses: [{ matches: 0 }, { matches: 1 }] },
          ],
        },
      ],
    });
  });

  test('several endpoints are judged each on its own', async () => {
    const started = await startInstance('web-1', {
      orders: { scheme: stripe(), secrets: { current: NEW } },
      pushes: { scheme: github(), secrets: BOTH },
    });
    closings.push(() => started.close());
    const { code, stdout } = await inProcess(['health', started.healthUrl, '--json']);
    expect(code).toBe(1);
    const verdicts = JSON.parse(stdout).endpoints.map((each: { name: string; verdict: string }) => [
      each.name,
      each.verdict,
    ]);
    expect(verdicts).toEqual([
      ['orders', 'settled'],
      ['pushes', 'in-use'],
    ]);
  });

  test('passes on a token, and says that one is needed', async () => {
    const { healthUrl } = await instance('web-1', { current: NEW }, 'canary-token');
    const env = { TOKEN: 'canary-token', WRONG: 'canary-wrong' };
    expect((await inProcess(['health', healthUrl, '--token-env', 'TOKEN'], { env })).code).toBe(0);
    const without = await inProcess(['health', healthUrl]);
    expect(without.code).toBe(2);
    expect(without.stderr).toContain('It asks for a token (401). Pass --token-env NAME.');
    const wrong = await inProcess(['health', healthUrl, '--token-env', 'WRONG'], { env });
    expect(wrong.stderr).toContain('It refuses the token (401).');
    expect(wrong.stderr).not.toContain('canary');
  });

  test('names every instance that does not report', async () => {
    const { healthUrl } = await instance('web-1', { current: NEW });
    const page = await serve((_request, response) => void response.end('<html>'));
    closings.push(page.close);
    const { code, stdout, stderr } = await countersign([
      'health',
      healthUrl,
      'http://127.0.0.1:1/health',
      page.url,
    ]);
    expect(code).toBe(2);
    expect(stdout).toContain('Every instance has the same secrets');
    expect(stderr).toContain('http://127.0.0.1:1/health: Nothing listens at 127.0.0.1:1.');
    expect(stderr).toContain(`${page.url}/: It does not respond like healthHandler() (200).`);
    expect(stderr).not.toContain('    at ');
  });

  test('--wait says what it waits for, and ends when the last instance has reloaded', async () => {
    const path = await folder.write('secrets.json', JSON.stringify({ current: OLD }));
    const a = await instance('web-1', { current: NEW });
    const b = await instance('web-2', fileSecrets(path));
    const child = start(['health', a.healthUrl, b.healthUrl, '--wait']);
    const end = ended(child);
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.includes('Waiting. orders: The instances have different secrets')) resolve();
      });
    });
    await writeFile(path, JSON.stringify({ current: NEW }));
    const { code, stdout } = await end;
    expect(code).toBe(0);
    expect(stdout).toContain('Every instance has the same secrets');
  });

  test('--wait ends with --timeout, also while an instance is silent', async () => {
    const a = await instance('web-1', BOTH);
    const ended = await inProcess(['health', a.healthUrl, '--wait', '--timeout', '1']);
    expect(ended.code).toBe(1);
    a.isSilent = true;
    expect(await inProcess(['health', a.healthUrl, '--wait', '--timeout', '1'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('closed the connection without a response'),
    });
  });
});
