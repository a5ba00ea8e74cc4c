import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { judge, outcomeOf } from '../../../../test/support/outcome.ts';
import { BODY, mac, macBy, NOW, outcomeNow, SECRET } from '../support/manual-signing.ts';

// Mistakes that receivers of many senders make, each shown with the senders for which it is known. Signatures are made by hand,
// by the formulas of the senders' documentation.

const ACCEPTED = 'accepted';
const INVALID = 'ERR_WEBHOOK_HEADER_INVALID';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

describe('one header name, two hashes', () => {
  const sha1 = `sha1=${mac('sha1', 'hex', BODY)}`;
  const sha256 = `sha256=${mac('sha256', 'hex', BODY)}`;

  test.each([
    ['intercom', schemes.intercom(), sha1, sha256],
    ['bitbucketCloud', schemes.bitbucketCloud(), sha256, sha1],
    ['jira', schemes.jira(), sha256, sha1],
  ])('%s: the definition decides, not what the request says', async (_, scheme, own, other) => {
    expect(await outcomeNow(scheme, { 'x-hub-signature': own })).toBe(ACCEPTED);
    expect(await outcomeNow(scheme, { 'x-hub-signature': other })).toBe(INVALID);
    expect(
      await outcomeNow(scheme, { 'x-hub-signature': `${own.split('=')[0]}=${other.split('=')[1]}` }),
    ).toBe(INVALID);
  });
});

describe('a prefix that is missing, or has nothing after it', () => {
  test.each([
    ['github', schemes.github(), 'x-hub-signature-256', 'sha256='],
    ['slack', schemes.slack(), 'x-slack-signature', 'v0='],
    ['zoom', schemes.zoom(), 'x-zm-signature', 'v0='],
    ['easyPost', schemes.easyPost(), 'x-hmac-signature', 'hmac-sha256-hex='],
    ['standardWebhooks', schemes.standardWebhooks(), 'webhook-signature', 'v1,'],
    ['stripe', schemes.stripe(), 'stripe-signature', 'v1='],
  ])('%s is refused', async (_, scheme, header, prefix) => {
    const times = {
      'x-slack-request-timestamp': `${NOW}`,
      'x-zm-request-timestamp': `${NOW}`,
      'webhook-id': 'msg_1',
      'webhook-timestamp': `${NOW}`,
    };
    const lead = header === 'stripe-signature' ? `t=${NOW},` : '';
    const text = (value: string) => outcomeNow(scheme, { ...times, [header]: `${lead}${value}` });
    for (const value of [prefix, `${prefix} `, 'a'.repeat(64), `${prefix}${prefix}${'a'.repeat(64)}`])
      expect(await text(value)).toBe(
        // Slack's own library answers 401, and so do we: as for a signature that is missing.
        scheme.delivery.demands401 === true ? 'ERR_WEBHOOK_SIGNATURE_MISSING' : INVALID,
      );
  });

  test('a list with nothing behind its time is refused', async () => {
    const signature = `v1=${mac('sha256', 'hex', `${NOW}.`, BODY)}`;
    expect(await outcomeNow(schemes.stripe(), { 'stripe-signature': `t=${NOW},${signature}` })).toBe(
      ACCEPTED,
    );
    expect(await outcomeNow(schemes.stripe(), { 'stripe-signature': `t=,${signature}` })).toBe(INVALID);
    expect(await outcomeNow(schemes.stripe(), { 'stripe-signature': `t,${signature}` })).toBe(INVALID);
  });
});

describe('a malformed or foreign entry', () => {
  test.each([
    ['openai', schemes.openai()],
    ['svix', schemes.svix()],
    ['standardWebhooks', schemes.standardWebhooks()],
  ])('%s: does not hide the good one behind it', async (_, scheme) => {
    const key = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01', 'base64');
    const secret = `whsec_${key.toString('base64')}`;
    const good = `v1,${macBy(key, 'sha256', 'base64', `msg_1.${NOW}.`, BODY)}`;
    const family = scheme.name === 'svix' ? 'svix' : 'webhook';
    for (const list of [`v1 ${good}`, `v1, ${good}`, `v9,abc ${good}`, `v1a,AAAA ${good}`, `, ${good}`]) {
      const headers = {
        [`${family}-id`]: 'msg_1',
        [`${family}-timestamp`]: `${NOW}`,
        [`${family}-signature`]: list,
      };
      expect(await outcomeOf(scheme, secret, { headers, body: BODY }, NOW)).toBe(ACCEPTED);
    }
  });
});

describe('base64 with more than one text for the same bytes', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

  test('sanity: only the canonical text is a signature', async () => {
    const signature = mac('sha256', 'base64url', `${NOW * 1000}.`, BODY);
    const last = alphabet.indexOf(signature.at(-1) ?? '');
    const twin = `${signature.slice(0, -1)}${alphabet[last + 1]}`;
    expect(Buffer.from(twin, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
    const header = (value: string) => ({ 'sanity-webhook-signature': `t=${NOW * 1000},v1=${value}` });
    expect(await outcomeNow(schemes.sanity(), header(signature))).toBe(ACCEPTED);
    expect(await outcomeNow(schemes.sanity(), header(twin))).toBe(INVALID);
    expect(await outcomeNow(schemes.sanity(), header(`${signature}=`))).toBe(INVALID);
  });

  test('the signature text is not part of a delivery’s identity', async () => {
    const request = (time: number) => ({
      headers: { 'sanity-webhook-signature': `t=${time},v1=${mac('sha256', 'base64url', `${time}.`, BODY)}` },
      body: BODY,
    });
    const ids = await Promise.all(
      [NOW * 1000, NOW * 1000 + 1].map((time) => judge(schemes.sanity(), SECRET, request(time), NOW)),
    );
    expect(ids[0]).toHaveProperty('id', (ids[1] as { id?: string }).id);
  });
});

describe('a weaker version next to a stronger one', () => {
  const event = { 'content-type': 'application/json', 'x-event-id': 'e1', 'x-event-type': 'a.b.c' };
  const names = Object.keys(event).join(' ');
  const v1 = `v1=${mac('sha256', 'hex', `${NOW}.${names}.${Object.values(event).join('.')}.`, BODY)}`;
  const v0 = `v0=${mac('sha256', 'hex', `${NOW}.`, BODY)}`;
  const wrong = `v1=${'0'.repeat(64)}`;
  const send = (signatures: string) =>
    outcomeNow(schemes.hook0(), { ...event, 'x-hook0-signature': `t=${NOW},h=${names},${signatures}` });

  test('hook0: the stronger one decides if there is one', async () => {
    expect(await send(v1)).toBe(ACCEPTED);
    expect(await send(`${v0},${v1}`)).toBe(ACCEPTED);
    expect(await send(`${v0},${wrong}`)).toBe(MISMATCH);
    expect(await send(`${wrong},${v0}`)).toBe(MISMATCH);
  });

  test('stripe: v0 is for tests of the sender, and never taken', async () => {
    const header = (list: string) => outcomeNow(schemes.stripe(), { 'stripe-signature': `t=${NOW},${list}` });
    expect(await header(v0)).toBe(INVALID);
    expect(await header(`${v0},${wrong}`)).toBe(MISMATCH);
  });
});

describe('separators with and without blanks', () => {
  test('supabaseAuth: entries are joined by a comma and a blank', async () => {
    const key = Buffer.alloc(32, 5);
    const good = `v1,${macBy(key, 'sha256', 'base64', `m.${NOW}.`, BODY)}`;
    const old = `v1,${macBy(Buffer.alloc(32, 6), 'sha256', 'base64', `m.${NOW}.`, BODY)}`;
    for (const list of [good, `${old}, ${good}`, `${good}, ${old}`]) {
      const headers = { 'webhook-id': 'm', 'webhook-timestamp': `${NOW}`, 'webhook-signature': list };
      const secret = `v1,whsec_${key.toString('base64')}`;
      expect(await outcomeOf(schemes.supabaseAuth(), secret, { headers, body: BODY }, NOW)).toBe(ACCEPTED);
    }
  });

  test('workos: a blank behind the comma may be there or not', async () => {
    const signature = `v1=${mac('sha256', 'hex', `${NOW * 1000}.`, BODY)}`;
    for (const join of [',', ', '])
      expect(
        await outcomeNow(schemes.workos(), { 'workos-signature': `t=${NOW * 1000}${join}${signature}` }),
      ).toBe(ACCEPTED);
  });

  test('standardWebhooks: blanks between entries may be doubled', async () => {
    const key = Buffer.alloc(32, 7);
    const good = `v1,${macBy(key, 'sha256', 'base64', `m.${NOW}.`, BODY)}`;
    const headers = {
      'webhook-id': 'm',
      'webhook-timestamp': `${NOW}`,
      'webhook-signature': `v1,AAAA  ${good}`,
    };
    const secret = `whsec_${key.toString('base64')}`;
    expect(await outcomeOf(schemes.standardWebhooks(), secret, { headers, body: BODY }, NOW)).toBe(ACCEPTED);
  });
});

describe('whsec_', () => {
  const key = Buffer.alloc(32, 9);
  const secret = `whsec_${key.toString('base64')}`;
  const standard = (by: string | Buffer) => ({
    'webhook-id': 'm',
    'webhook-timestamp': `${NOW}`,
    'webhook-signature': `v1,${macBy(by, 'sha256', 'base64', `m.${NOW}.`, BODY)}`,
  });
  const stripe = (by: string | Buffer) => ({
    'stripe-signature': `t=${NOW},v1=${macBy(by, 'sha256', 'hex', `${NOW}.`, BODY)}`,
  });

  test.each([
    ['standardWebhooks', schemes.standardWebhooks(), standard, key, secret],
    ['replicate', schemes.replicate(), standard, key, secret],
    ['stripe', schemes.stripe(), stripe, secret, key],
    // Polar signs with either of them: what is neither is refused.
    ['polar', schemes.polar(), standard, secret, secret.slice('whsec_'.length)],
  ] as const)(
    '%s decodes the text after it, or uses all of it as text',
    async (_, scheme, make, own, other) => {
      expect(await outcomeOf(scheme, secret, { headers: make(own), body: BODY }, NOW)).toBe(ACCEPTED);
      expect(await outcomeOf(scheme, secret, { headers: make(other), body: BODY }, NOW)).toBe(MISMATCH);
    },
  );
});
