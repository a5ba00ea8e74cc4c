import { createVerifier, isWebhookError, replayRecord } from '@countersign/core';
import { finch, gitlabToken, inngest, mercadoPago, polar, supabaseAuth, workos } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { clockAt, judge, outcomeOf, type Request } from '../../../test/support/outcome.ts';
import { type Delivery, FORMULAS, type Formula, mac } from './support/formulas.ts';
import { FURTHER_FORMULAS } from './support/further-formulas.ts';

const NOW = 1_763_600_000;
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

function deliver({ request, secret }: Formula, changes: Partial<Delivery> = {}): Request {
  return request({ secret, id: 'evt_1', attempt: 1, seconds: NOW, ...changes });
}

async function replayKey({ scheme, secret }: Formula, given: Request, seconds = NOW): Promise<string> {
  const webhook = await judge(scheme, secret, given, seconds);
  if (isWebhookError(webhook)) throw webhook;
  return replayRecord(webhook).key;
}

describe.each(Object.entries({ ...FORMULAS, ...FURTHER_FORMULAS }))('%s', (_, formula) => {
  const { scheme, secret, otherSecret, window, bodyIsSigned = true } = formula;

  test('is accepted as its formula signs', async () => {
    expect(await outcomeOf(scheme, secret, deliver(formula), NOW)).toBe('accepted');
  });

  test('is refused under another secret, and accepted while that one is current and its own the previous', async () => {
    expect(await outcomeOf(scheme, otherSecret, deliver(formula), NOW)).toBe(MISMATCH);
    const secrets = { current: otherSecret, previous: secret };
    expect(await judge(scheme, secrets, deliver(formula), NOW)).toMatchObject({ key: { role: 'previous' } });
  });

  test('authenticates the body as far as it is signed', async () => {
    const { body, ...given } = deliver(formula);
    expect(await judge(scheme, secret, { ...given, body }, NOW)).toMatchObject({
      bodyAuthenticated: bodyIsSigned,
    });
    for (let index = 0; index < body.length; index += 1) {
      const changed = Buffer.from(body);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const outcome = await outcomeOf(scheme, secret, { ...given, body: changed }, NOW);
      // A blank between two parts of JSON is not signed if its canonical form is.
      if (bodyIsSigned && body[index] !== 0x20) expect(outcome).not.toBe('accepted');
      if (!bodyIsSigned) expect(outcome).toBe('accepted');
    }
  });

  test('is checked by its signed time to the second, both ways', async () => {
    const at = (seconds: number) => outcomeOf(scheme, secret, deliver(formula), seconds);
    if (window === undefined) {
      expect(await at(NOW + 86_400 * 366)).toBe('accepted');
      return;
    }
    expect(await at(NOW + window.past)).toBe('accepted');
    expect(await at(NOW + window.past + 1)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_OLD');
    expect(await at(NOW - window.future)).toBe('accepted');
    expect(await at(NOW - window.future - 1)).toBe('ERR_WEBHOOK_TIMESTAMP_TOO_NEW');
  });

  test('is remembered under one key in every try, and under another as another delivery', async () => {
    const first = await replayKey(formula, deliver(formula));
    const later = NOW + 3_600;
    expect(await replayKey(formula, deliver(formula, { attempt: 2, seconds: later }), later)).toBe(first);
    expect(await replayKey(formula, deliver(formula, { id: 'evt_2' }))).not.toBe(first);
  });
});

describe('Polar', () => {
  test('signs with the text of the secret or with what is decoded after whsec_, as its library', async () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
    const body = '{}';
    const signed = (key: string | Buffer): Request => ({
      headers: {
        'webhook-id': 'a',
        'webhook-timestamp': String(NOW),
        'webhook-signature': `v1,${mac(key, `a.${NOW}.${body}`, 'base64')}`,
      },
      body: Buffer.from(body),
    });
    expect(await outcomeOf(polar(), secret, signed(secret), NOW)).toBe('accepted');
    expect(await outcomeOf(polar(), secret, signed(Buffer.from(secret.slice(6), 'base64')), NOW)).toBe(
      'accepted',
    );
    expect(await outcomeOf(polar(), secret, signed(secret.slice(6)), NOW)).toBe(MISMATCH);
  });
});

describe('Supabase Auth', () => {
  const formula = FORMULAS['Supabase Auth, with a new id for each try'] as Formula;

  test('needs the secret with its whole prefix', async () => {
    for (const cut of ['v1,', 'v1,whsec_'])
      expect(await outcomeOf(supabaseAuth(), formula.secret.slice(cut.length), deliver(formula), NOW)).toBe(
        'ERR_WEBHOOK_SECRETS_INVALID',
      );
  });

  test('gets JSON if the handler sends no body, and as a duplicate', async () => {
    await using verifier = createVerifier({
      scheme: supabaseAuth(),
      secrets: formula.secret,
      clock: clockAt(NOW),
    });
    let runs = 0;
    for (const attempt of [1, 2]) {
      const answer = await verifier.handle(deliver(formula, { attempt }), () => {
        runs += 1;
      });
      expect(answer).toMatchObject({ status: 200, body: '{}' });
      expect(answer.headers).toMatchObject({ 'content-type': 'application/json' });
    }
    expect(runs).toBe(1);
  });
});

describe('GitLab with a secret token', () => {
  const request = (token: string): Request => ({
    headers: { 'x-gitlab-token': token, 'x-gitlab-event': 'Push Hook' },
    body: Buffer.from('{}'),
  });
  const secret = 'gltok-0123456789abcdef';

  test('accepts the token itself and nothing like it, and authenticates no body', async () => {
    expect(await judge(gitlabToken(), secret, request(secret), NOW)).toMatchObject({
      bodyAuthenticated: false,
      unsignedHeaders: { event: 'Push Hook' },
    });
    for (const token of [`${secret}0`, secret.slice(0, -1), secret.toUpperCase(), ` x`])
      expect(await outcomeOf(gitlabToken(), secret, request(token), NOW)).not.toBe('accepted');
  });
});

describe('WorkOS', () => {
  test('accepts its entries with and without the blank between them', async () => {
    const formula = FORMULAS.WorkOS as Formula;
    const given = deliver(formula);
    const tight = (given.headers['workos-signature'] ?? '').replace(', ', ',');
    const request = { ...given, headers: { ...given.headers, 'workos-signature': tight } };
    expect(await outcomeOf(workos(), formula.secret, request, NOW)).toBe('accepted');
  });
});

describe('Finch', () => {
  test('accepts no whsec_ before the secret', async () => {
    const formula = FORMULAS.Finch as Formula;
    expect(await outcomeOf(finch(), `whsec_${formula.secret}`, deliver(formula), NOW)).toBe(
      'ERR_WEBHOOK_SECRETS_INVALID',
    );
  });
});

describe('Inngest', () => {
  test('treats the key without its prefix as the same key', async () => {
    const formula = FORMULAS['Inngest, with a body whose canonical form differs'] as Formula;
    const bare = formula.secret.replace('signkey-test-', '');
    expect(await outcomeOf(inngest(), bare, deliver(formula), NOW)).toBe('accepted');
  });

  test('accepts only JSON, since it signs nothing else', async () => {
    const formula = FORMULAS['Inngest, with a body whose canonical form differs'] as Formula;
    const body = Buffer.from('no JSON');
    expect(await outcomeOf(inngest(), formula.secret, { ...deliver(formula), body }, NOW)).not.toBe(
      'accepted',
    );
  });
});

describe('Mercado Pago', () => {
  const { secret } = FORMULAS['Mercado Pago'] as Formula;
  const request = (content: string, url: string, headers: Record<string, string> = {}): Request => ({
    headers: { ...headers, 'x-signature': `ts=${NOW}000,v1=${mac(secret, content)}` },
    url,
    body: Buffer.from('{}'),
  });
  const judgeOne = (given: Request) => outcomeOf(mercadoPago(), secret, given, NOW);

  test('leaves out what the request lacks', async () => {
    const id = { 'x-request-id': 'r-1' };
    expect(await judgeOne(request(`id:1;ts:${NOW}000;`, '/?data.id=1'))).toBe('accepted');
    expect(await judgeOne(request(`request-id:r-1;ts:${NOW}000;`, '/', id))).toBe('accepted');
    expect(await judgeOne(request(`ts:${NOW}000;`, '/'))).toBe('accepted');
    expect(await judgeOne(request(`id:;request-id:;ts:${NOW}000;`, '/'))).toBe(MISMATCH);
  });

  test('signs the id of the query in its own case or in lower case', async () => {
    expect(await judgeOne(request(`id:ORD1;ts:${NOW}000;`, '/?data.id=ORD1'))).toBe('accepted');
    expect(await judgeOne(request(`id:ord1;ts:${NOW}000;`, '/?data.id=ORD1'))).toBe('accepted');
    expect(await judgeOne(request(`id:ORD1;ts:${NOW}000;`, '/?data.id=ord1'))).toBe(MISMATCH);
  });

  test('lets nothing be moved from one part to the next', async () => {
    const given = request(`id:1;request-id:r-1;ts:${NOW}000;`, '/?data.id=1;request-id:r-1');
    expect(await judgeOne(given)).not.toBe('accepted');
  });
});
