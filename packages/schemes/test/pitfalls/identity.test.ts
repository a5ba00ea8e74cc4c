import { createHash } from 'node:crypto';
import { createVerifier, type DefinedScheme } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { judge, type Request } from '../../../../test/support/outcome.ts';
import { BODY, mac, macBy, NOW, SECRET } from '../support/manual-signing.ts';

// Mistakes that receivers of many senders make, each shown with the senders for which it is known. Signatures are made by hand,
// by the formulas of the senders' documentation.

describe('ids', () => {
  test('supabaseAuth: one that changes with every retry is not an identity', async () => {
    const key = Buffer.alloc(32, 5);
    const deliver = async (id: string) => {
      const signature = macBy(key, 'sha256', 'base64', `${id}.${NOW}.`, BODY);
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': `${NOW}`,
        'webhook-signature': `v1,${signature}`,
      };
      return send(headers);
    };
    const clock = { now: () => NOW * 1000, monotonic: () => 0, schedule: () => () => undefined };
    const verifier = createVerifier({
      scheme: schemes.supabaseAuth(),
      secrets: `v1,whsec_${key.toString('base64')}`,
      clock,
    });
    let runs = 0;
    const send = (headers: Record<string, string>) =>
      verifier.handle({ headers, body: BODY }, () => {
        runs += 1;
      });
    expect((await deliver('first')).status).toBe(200);
    expect((await deliver('second')).status).toBe(200);
    expect(runs).toBe(1);
    await verifier.close();
  });

  test('github: the id is a label, and a redelivery of the same body is the same delivery', async () => {
    const ids = await Promise.all(
      ['one', 'two'].map((id) =>
        judge(
          schemes.github(),
          SECRET,
          {
            headers: {
              'x-hub-signature-256': `sha256=${mac('sha256', 'hex', BODY)}`,
              'x-github-delivery': id,
            },
            body: BODY,
          },
          NOW,
        ),
      ),
    );
    expect(ids[0]).toHaveProperty('id', (ids[1] as { id?: string }).id);
  });
});

describe('a challenge whose response signs what the asker chose', () => {
  const greet = async (scheme: DefinedScheme, request: Partial<Request>) => {
    const clock = { now: () => NOW * 1000, monotonic: () => 0, schedule: () => () => undefined };
    await using verifier = createVerifier({ scheme, secrets: SECRET, clock, replay: false });
    return await verifier.handle(
      { method: 'GET', headers: {}, body: Buffer.alloc(0), ...request },
      () => undefined,
    );
  };
  const text = (body: string | Uint8Array | undefined) => Buffer.from(body ?? '').toString();

  test('xTwitter: a token that could be a body is not signed', async () => {
    const token = 'QmFzZTY0dG9rZW4';
    const good = await greet(schemes.xTwitter(), { url: `/in?crc_token=${token}` });
    expect(good.status).toBe(200);
    expect(text(good.body)).toContain(`sha256=${mac('sha256', 'base64', token)}`);
    for (const bad of ['{"id":1}', '[1]', '"text"', 'a'.repeat(129), 'a b', '<x>', '']) {
      const { status, body } = await greet(schemes.xTwitter(), {
        url: `/in?crc_token=${encodeURIComponent(bad)}`,
      });
      expect({ bad, status: status >= 400 }).toEqual({ bad, status: true });
      expect(text(body)).not.toContain(mac('sha256', 'base64', bad));
    }
  });

  test('braintree: only digits are signed', async () => {
    const ask = (challenge: string) =>
      greet(schemes.braintree(), { url: `/in?bt_challenge=${encodeURIComponent(challenge)}` });
    const key = createHash('sha1').update(SECRET).digest();
    const challenge = '20f9f8ed05f77439fe955c977e4c8a53';
    const good = await ask(challenge);
    expect(good.status).toBe(200);
    expect(text(good.body)).toContain(macBy(key, 'sha1', 'hex', challenge));
    for (const bad of ['PHN1YmplY3Q+', '{"a":1}', '20f9f8ed05f77439fe955c977e4c8a5g']) {
      const { status, body } = await ask(bad);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(text(body)).not.toContain(macBy(key, 'sha1', 'hex', bad));
    }
  });

  test('zoom: nothing is signed for a request that is not signed itself', async () => {
    const body = Buffer.from(
      JSON.stringify({ event: 'endpoint.url_validation', payload: { plainToken: 'abc' } }),
    );
    const headers = (signature: string) => ({
      'x-zm-request-timestamp': `${NOW}`,
      'x-zm-signature': `v0=${signature}`,
    });
    const ask = (signature: string) =>
      greet(schemes.zoom(), { method: 'POST', headers: headers(signature), body });
    const good = await ask(mac('sha256', 'hex', `v0:${NOW}:`, body));
    expect(text(good.body)).toContain(mac('sha256', 'hex', 'abc'));
    const forged = await ask('0'.repeat(64));
    expect(forged.status).toBeGreaterThanOrEqual(400);
    expect(text(forged.body)).not.toContain(mac('sha256', 'hex', 'abc'));
  });
});
