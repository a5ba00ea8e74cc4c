import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createVerifier, memoryReplayStore, type WebhookEvent } from '@countersign/core';
import { webhookHandler } from '@countersign/fetch';
import { stripe, twilio } from '@countersign/schemes';
import { manualClock, sign } from '@countersign/testing';
import { describe, expect, it, vi } from 'vitest';

const secret = 'whsec_a-text-secret-of-some-length';

describe('a wrong secret', () => {
  it('is one process warning, if there is no observer', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const verifier = createVerifier({ scheme: stripe(), secrets: secret, endpoint: 'told-once' });
      const request = sign(stripe(), { secret: `${secret}!`, body: '{}' });
      for (let n = 0; n < 3; n++) await expect(verifier.verify(request)).rejects.toThrow();
      expect(warned.mock.calls.filter(([message]) => String(message).includes('told-once'))).toHaveLength(1);
      expect(JSON.stringify(warned.mock.calls)).not.toContain(secret);
    } finally {
      warned.mockRestore();
    }
  });

  it.each([
    ['in quotation marks', `"${secret}"`, /quotation marks/],
    ['as a line of a settings file', `STRIPE_SECRET=${secret}`, /NAME=value/],
    ['as JSON', `{"current":"${secret}"}`, /is JSON/],
  ])('%s is refused with what to change', (_, wrong, message) => {
    expect(() => createVerifier({ scheme: stripe(), secrets: wrong })).toThrow(message);
  });

  it('is counted in health, also after others have matched', async () => {
    const clock = manualClock();
    const verifier = createVerifier({ scheme: stripe(), secrets: secret, clock });
    const signed = (by: string) => sign(stripe(), { secret: by, body: '{}', timestamp: clock.now() / 1000 });
    await verifier.verify(signed(secret));
    expect(verifier.health().mismatches).toEqual({ count: 0, lastAt: undefined });
    await clock.advance(1000);
    for (let n = 0; n < 2; n++) await expect(verifier.verify(signed(`${secret}!`))).rejects.toThrow();
    await expect(verifier.verify({ headers: {}, body: Buffer.from('{}') })).rejects.toThrow();
    expect(verifier.health().mismatches).toEqual({ count: 2, lastAt: new Date(clock.now()) });
    await verifier.close();
  });

  it('may be a wrong address, if the sender signs that', async () => {
    const publicUrl = 'https://example.com/hooks';
    const verifier = createVerifier({ scheme: twilio(), secrets: secret, publicUrl });
    const request = sign(twilio(), { secret, body: 'a=1', url: 'http://example.com/hooks', rule: 1 });
    await expect(verifier.verify(request)).rejects.toThrow(/Check also that "publicUrl" is exactly/);
    await verifier.close();
  });

  it('shows in structured logs with its reason', async () => {
    const events: WebhookEvent[] = [];
    const verifier = createVerifier({
      scheme: stripe(),
      secrets: async () => ({ current: 'changeme' }),
      observe: (event) => events.push(event),
    });
    await expect(verifier.ready()).rejects.toThrow();
    expect(JSON.stringify(events)).toContain('is a placeholder');
    await verifier.close();
  });
});

describe('two endpoints of one sender on one replay store', () => {
  const secrets = [secret, `${secret}-of-the-other`] as const;
  const store = memoryReplayStore();
  const make = (at: 0 | 1, endpoint?: string) =>
    createVerifier({
      scheme: stripe(),
      secrets: secrets[at],
      replay: store,
      ...(endpoint === undefined ? {} : { endpoint }),
    });
  const body = '{"id":"evt_both"}';

  it('are separate because of their names', async () => {
    const ran: string[] = [];
    for (const [at, endpoint] of [
      [0, 'shop'],
      [1, 'billing'],
    ] as const) {
      const verifier = make(at, endpoint);
      await verifier.handle(sign(stripe(), { secret: secrets[at], body }), () => {
        ran.push(endpoint);
      });
      await verifier.close();
    }
    expect(ran).toEqual(['shop', 'billing']);
  });

  it('cause a warning if they have one name, until one of them is closed', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const first = make(0);
      expect(warned).not.toHaveBeenCalled();
      const second = make(1);
      expect(warned).toHaveBeenCalledWith(
        expect.stringMatching(/"stripe" on one replay store/),
        expect.objectContaining({ code: 'COUNTERSIGN_ENDPOINT_SHARED' }),
      );
      await Promise.all([first.close(), second.close()]);
      await make(0).close();
      expect(warned).toHaveBeenCalledTimes(1);
    } finally {
      warned.mockRestore();
    }
  });
});

describe('secrets that never come', () => {
  it('do not end the process before it can say so', async () => {
    const script = `
      import { createVerifier } from '@countersign/core';
      import { stripe } from '@countersign/schemes';
      const secrets = () => new Promise(() => undefined);
      await createVerifier({ scheme: stripe(), secrets, reload: { timeoutSeconds: 0.2 } }).ready();
    `;
    const child = spawn(
      process.execPath,
      ['--conditions=countersign-source', '--import=tsx', '--input-type=module', '--eval', script],
      { cwd: import.meta.dirname, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'exit');
    expect(code).toBe(1);
    expect(stderr).toContain('no response within 0.2 s');
  });
});

describe('webhookHandler()', () => {
  it('needs a handler when it is made', () => {
    const verifier = createVerifier({ scheme: stripe(), secrets: secret });
    expect(() => webhookHandler(verifier, undefined as never)).toThrow(
      /second argument of webhookHandler\(\) must be a function/,
    );
  });

  it('fails aloud, not with a 401, if it is given something else than a Request', async () => {
    const handler = webhookHandler(createVerifier({ scheme: stripe(), secrets: secret }), () => 200);
    await expect(handler({ req: {} } as never)).rejects.toThrow(/context\.req\.raw/);
  });
});
