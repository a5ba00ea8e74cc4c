import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import {
  type DefinedScheme,
  defineScheme,
  type VerifierOptions,
  type WebhookRequest,
} from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { validateSignature } from '@line/bot-sdk';
import { verifyWebhookSignature } from '@notionhq/client';
import { sign as signGitHub, verify as verifyGitHub } from '@octokit/webhooks-methods';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { WorkOS } from '@workos-inc/node';
import { verifyKey } from 'discord-interactions';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import twilio from 'twilio';

/** One thing that a sender's library accepts and this project refuses. */
export interface Strictness {
  /** What the request, the secret or the option has. */
  readonly what: string;
  /** The library that accepts it; absent if no library has a say in it. */
  readonly library?: string;
  /** The code of the refusal. */
  readonly refusal: string;
  readonly reason: string;
  /** What to do if you need it; absent if there is nothing. */
  readonly wayOut?: string;
  readonly scheme: DefinedScheme;
  readonly secret: string;
  readonly options?: Partial<VerifierOptions>;
  request(now: number): WebhookRequest | Promise<WebhookRequest>;
  /** Throws, or returns `false`, if the library refuses it. */
  accepts?(request: { headers: Record<string, string>; body: Buffer }): unknown;
}

const SECRET = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
const BASE64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const WHSEC = `whsec_${BASE64}`;
const BODY = Buffer.from('{"id":"evt_1","type":"thing.done"}');
const hex = (...content: (string | Buffer)[]) => mac('hex', SECRET, ...content);
const byWhsec = (...content: (string | Buffer)[]) => mac('base64', Buffer.from(BASE64, 'base64'), ...content);

function mac(encoding: 'hex' | 'base64', key: string | Buffer, ...content: (string | Buffer)[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of content) hmac.update(part);
  return hmac.digest(encoding);
}

const svixHeaders = (id: string, time: string, signature: string) => ({
  'svix-id': id,
  'svix-timestamp': time,
  'svix-signature': signature,
});
const svixRequest = (id: string, time: string, rewrite = (signature: string) => signature) => ({
  headers: svixHeaders(id, time, rewrite(`v1,${byWhsec(`${id}.${time}.`, BODY)}`)),
  body: BODY,
});
const bySvix: Strictness['accepts'] = ({ headers, body }) =>
  new SvixWebhook(WHSEC).verify(body.toString(), headers);
const SVIX = { library: 'svix', scheme: schemes.svix(), secret: WHSEC, accepts: bySvix } as const;

const ed25519 = generateKeyPairSync('ed25519');
const discordKey = ed25519.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
const ecdsa = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const sendGridKey = ecdsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const workos = new WorkOS('sk_test').webhooks;

/** Everything that this project refuses on purpose although libraries of senders accept it. */
export const STRICTNESS: readonly Strictness[] = [
  {
    what: 'a signature in hexadecimal digits in upper case, where the sender writes lower case',
    library: '@notionhq/client',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason: 'Each signature has one text, so that nothing in a request can change without being noticed.',
    wayOut: "`encoding: 'hex-any'` in a definition of your own",
    scheme: schemes.notion(),
    secret: SECRET,
    request: () => ({ headers: { 'x-notion-signature': `sha256=${hex(BODY).toUpperCase()}` }, body: BODY }),
    accepts: ({ headers, body }) =>
      verifyWebhookSignature({
        body: body.toString(),
        signature: headers['x-notion-signature'] ?? '',
        verificationToken: SECRET,
      }),
  },
  {
    what: 'base64 that is not canonical: without padding, with blanks, with unused bits set',
    library: '@line/bot-sdk',
    refusal: 'ERR_WEBHOOK_SIGNATURE_MISSING',
    reason: 'The same: one text for each signature. LINE asks for 401, so the code is that of a missing one.',
    scheme: schemes.line(),
    secret: SECRET,
    request: () => ({ headers: { 'x-line-signature': ` ${mac('base64', SECRET, BODY)}` }, body: BODY }),
    accepts: ({ headers, body }) => validateSignature(body, SECRET, headers['x-line-signature'] ?? ''),
  },
  {
    ...SVIX,
    what: 'text after the digits of a time: `1700000000abc`',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason:
      'The library reads the number that the text begins with, and ignores the rest. A time is 1 to 15 digits and nothing else.',
    request: (now) => {
      const signed = svixRequest('msg_1', `${now}`);
      return { ...signed, headers: { ...signed.headers, 'svix-timestamp': `${now}abc` } };
    },
  },
  {
    ...SVIX,
    what: 'more than 16 signatures in one header',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason:
      'Each signature is compared with each key, so their number is bounded. The sender with the most active keys has eleven.',
    request: (now) =>
      svixRequest('msg_1', `${now}`, (signature) => `${`v1,${'A'.repeat(43)}= `.repeat(16)}${signature}`),
  },
  {
    ...SVIX,
    what: 'an id that contains the separator of the signed content: `msg.1`',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason: 'Text could be moved from the id to the time under the same signature.',
    request: (now) => svixRequest('msg.1', `${now}`),
  },
  {
    ...SVIX,
    what: 'an id of more than 256 characters, or with blanks or characters beyond ASCII',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason: 'No sender has such ids, and ids are kept.',
    request: (now) => svixRequest('x'.repeat(257), `${now}`),
  },
  {
    ...SVIX,
    what: 'a body that is not UTF-8, if what U+FFFD makes of it was signed',
    refusal: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    reason:
      'The library decodes the body before it checks the signature, so it accepts bytes that nobody signed.',
    request: (now) => {
      const sent = Buffer.from([0x7b, 0xff, 0x7d]);
      const signature = `v1,${byWhsec(`msg_1.${now}.`, Buffer.from(sent.toString()))}`;
      return { headers: svixHeaders('msg_1', `${now}`, signature), body: sent };
    },
    accepts: ({ headers, body }) => {
      try {
        return bySvix({ headers, body });
      } catch (error) {
        if (error instanceof SyntaxError) return true;
        throw error;
      }
    },
  },
  {
    what: 'a time in the future, beyond the tolerance',
    library: 'stripe',
    refusal: 'ERR_WEBHOOK_TIMESTAMP_TOO_NEW',
    reason: 'An attacker who gets one such signature could use it for as long.',
    wayOut: '`toleranceSeconds: { past, future }`, up to a day each',
    scheme: schemes.stripe(),
    secret: WHSEC,
    request: (now) => ({
      headers: {
        'stripe-signature': Stripe.webhooks.generateTestHeaderString({
          payload: BODY.toString(),
          secret: WHSEC,
          timestamp: now + 3000,
        }),
      },
      body: BODY,
    }),
    accepts: ({ headers, body }) =>
      Stripe.webhooks.constructEvent(body, headers['stripe-signature'] ?? '', WHSEC),
  },
  {
    what: 'a signed time of any age, where the library checks none',
    library: 'discord-interactions',
    refusal: 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
    reason:
      'Without a window a captured request is fresh for ever, and deliveries would have to be remembered for ever.',
    wayOut: '`toleranceSeconds`, up to a day',
    scheme: schemes.discord(),
    secret: discordKey,
    request: (now) => {
      const time = `${now - 86_400}`;
      const signature = signBytes(null, Buffer.concat([Buffer.from(time), BODY]), ed25519.privateKey);
      return {
        headers: { 'x-signature-timestamp': time, 'x-signature-ed25519': signature.toString('hex') },
        body: BODY,
      };
    },
    accepts: ({ headers, body }) =>
      verifyKey(
        body,
        headers['x-signature-ed25519'] ?? '',
        headers['x-signature-timestamp'] ?? '',
        discordKey,
      ),
  },
  {
    what: 'a time that is older than the sender retries',
    library: '@sendgrid/eventwebhook',
    refusal: 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD',
    reason: 'The same. SendGrid retries for a day, so a time may be that old.',
    wayOut: '`toleranceSeconds`, up to a day',
    scheme: schemes.sendGrid(),
    secret: sendGridKey,
    request: (now) => {
      const time = `${now - 100_000}`;
      const signature = signBytes('sha256', Buffer.concat([Buffer.from(time), BODY]), ecdsa.privateKey);
      return {
        headers: {
          'x-twilio-email-event-webhook-timestamp': time,
          'x-twilio-email-event-webhook-signature': signature.toString('base64'),
        },
        body: BODY,
      };
    },
    accepts: ({ headers, body }) => {
      const library = new EventWebhook();
      return library.verifySignature(
        library.convertPublicKeyToECDSA(sendGridKey),
        body,
        headers['x-twilio-email-event-webhook-signature'] ?? '',
        headers['x-twilio-email-event-webhook-timestamp'] ?? '',
      );
    },
  },
  {
    what: 'JSON that says the same in other bytes than were signed',
    library: '@workos-inc/node',
    refusal: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    reason:
      'The signature is over bytes. A library that parses and writes the JSON again also refuses genuine bodies that it would write differently.',
    wayOut:
      'make sure that nothing between the sender and Countersign parses and writes the body. A sender that signs compact JSON but sends other bytes can not be described: ask it to send what it signs',
    scheme: schemes.workos(),
    secret: SECRET,
    request: (now) => ({
      headers: { 'workos-signature': `t=${now}000, v1=${hex(`${now}000.`, BODY)}` },
      body: Buffer.from(JSON.stringify(JSON.parse(BODY.toString()), undefined, 1)),
    }),
    accepts: ({ headers, body }) =>
      workos.verifyHeader({
        payload: JSON.parse(body.toString()),
        sigHeader: headers['workos-signature'] ?? '',
        secret: SECRET,
      }),
  },
  {
    what: 'the secret with a line break at its end',
    library: '@octokit/webhooks-methods',
    refusal: 'ERR_WEBHOOK_SECRETS_INVALID',
    reason:
      'The library signs with the line break as a part of the key, so that nothing matches, or everything does that was made with the same mistake.',
    wayOut: 'remove it. In a file, a single line break at the end is removed for you',
    scheme: schemes.github(),
    secret: `${SECRET}\n`,
    request: async () => ({
      headers: { 'x-hub-signature-256': await signGitHub(`${SECRET}\n`, BODY.toString()) },
      body: BODY,
    }),
    accepts: ({ headers, body }) =>
      verifyGitHub(`${SECRET}\n`, body.toString(), headers['x-hub-signature-256'] ?? ''),
  },
  {
    what: 'a secret of less than 16 bytes',
    library: '@octokit/webhooks-methods',
    refusal: 'ERR_WEBHOOK_SECRETS_INVALID',
    reason:
      'Who has seen one delivery can try secrets offline: short ones that people chose are found in minutes.',
    wayOut:
      'choose a longer one, for example `openssl rand -hex 32`, publish it as `next`, and enter it at the sender. For a sender that issues shorter ones: `minBytes` in a definition',
    scheme: schemes.github(),
    secret: 'development',
    request: async () => ({
      headers: { 'x-hub-signature-256': await signGitHub('development', BODY.toString()) },
      body: BODY,
    }),
    accepts: ({ headers, body }) =>
      verifyGitHub('development', body.toString(), headers['x-hub-signature-256'] ?? ''),
  },
  {
    what: 'a secret in base64 that is not canonical',
    library: 'standardwebhooks',
    refusal: 'ERR_WEBHOOK_SECRETS_INVALID',
    reason: 'A text that was cut off or changed when it was pasted often still decodes to something.',
    wayOut: 'paste the secret as the sender shows it',
    scheme: schemes.standardWebhooks(),
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA',
    request: (now) => {
      const webhook = new StandardWebhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA');
      return {
        headers: {
          'webhook-id': 'msg_1',
          'webhook-timestamp': `${now}`,
          'webhook-signature': webhook.sign('msg_1', new Date(now * 1000), BODY.toString()),
        },
        body: BODY,
      };
    },
    accepts: ({ headers, body }) =>
      new StandardWebhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA').verify(body.toString(), headers),
  },
  {
    what: 'a URL that differs from `publicUrl` in its path, its host or the letters of its query',
    library: 'twilio',
    refusal: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    reason:
      'The library takes the URL from the request, so a `Host` header decides what is checked. Here you say it.',
    wayOut: '`publicUrl: (path) => …`, a function of the path',
    scheme: schemes.twilio(),
    secret: SECRET,
    options: { publicUrl: 'https://hooks.example.com/voice' },
    request: () => ({
      method: 'POST',
      url: '/sms',
      headers: {
        'x-twilio-signature': twilio.getExpectedTwilioSignature(SECRET, 'https://hooks.example.com/sms', {
          Body: 'hello',
        }),
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: Buffer.from('Body=hello'),
    }),
    accepts: ({ headers }) =>
      twilio.validateRequest(SECRET, headers['x-twilio-signature'] ?? '', 'https://hooks.example.com/sms', {
        Body: 'hello',
      }),
  },
  {
    what: 'no id, or no time, although they are signed',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason:
      'Without them there is nothing to compare. The status is 400, not 401, except where the sender demands 401: no retry can succeed.',
    scheme: schemes.svix(),
    secret: WHSEC,
    request: (now) => ({
      headers: { 'svix-timestamp': `${now}`, 'svix-signature': `v1,${'A'.repeat(43)}=` },
      body: BODY,
    }),
  },
  {
    what: 'an empty signature header, or one with entries of other versions only',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason: 'The same: a sender never sends it.',
    scheme: schemes.stripe(),
    secret: WHSEC,
    request: (now) => ({ headers: { 'stripe-signature': `t=${now},v0=${'0'.repeat(64)}` }, body: BODY }),
  },
  {
    what: 'a signature, id or time header that is sent twice',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason:
      'Which of them counts depends on who reads. Senders that repeat a header on purpose are described so.',
    wayOut: '`repeated: true` in a definition',
    scheme: schemes.github(),
    secret: SECRET,
    request: () => ({
      headers: ['x-hub-signature-256', `sha256=${hex(BODY)}`, 'x-hub-signature-256', `sha256=${hex(BODY)}`],
      body: BODY,
    }),
  },
  {
    what: 'a time of more than 15 digits',
    refusal: 'ERR_WEBHOOK_HEADER_INVALID',
    reason: 'Such numbers are not exact in JavaScript, and are further away than any sender.',
    scheme: schemes.stripe(),
    secret: WHSEC,
    request: () => ({
      headers: { 'stripe-signature': `t=${'1'.repeat(16)},v1=${'0'.repeat(64)}` },
      body: BODY,
    }),
  },
  {
    what: 'an older signature beside a newer one: SHA-1 at GitHub, v0 at Stripe',
    refusal: 'ERR_WEBHOOK_SIGNATURE_MISSING',
    reason: 'Who can make the weaker one would leave out the stronger one.',
    wayOut: 'a definition of your own for a sender that sends nothing else',
    scheme: schemes.github(),
    secret: SECRET,
    request: () => ({
      headers: { 'x-hub-signature': `sha1=${createHmac('sha1', SECRET).update(BODY).digest('hex')}` },
      body: BODY,
    }),
  },
];

/** Options that are refused at construction although libraries have them. */
export const STRICT_OPTIONS: readonly {
  readonly what: string;
  readonly reason: string;
  readonly options: Partial<VerifierOptions>;
  readonly message: RegExp;
}[] = [
  {
    what: '`toleranceSeconds` of 0, or of more than 86,400',
    reason:
      'With 0 every delivery that takes a second is refused, and in some libraries 0 switches the check off. More than a day is no window.',
    options: { toleranceSeconds: 100_000 },
    message: /toleranceSeconds/,
  },
  {
    what: 'an option that does not exist',
    reason: 'A misspelled option would leave the default in place without a word.',
    options: { tolerance: 60 } as Partial<VerifierOptions>,
    message: /tolerance/,
  },
  {
    what: 'a `publicUrl` that is not percent-encoded',
    reason: 'Senders sign what they send, and that is encoded: nothing would match.',
    options: { publicUrl: 'https://hooks.example.com/España' },
    message: /percent-encode/,
  },
  {
    what: 'a switch that turns the verification off, for development for example',
    reason: 'Such switches reach production. Sign test requests instead: `sign()` of `@countersign/testing`.',
    options: { verify: false } as Partial<VerifierOptions>,
    message: /verify/,
  },
];

/** A sender without the strictness of the table, as a definition of one's own. */
export const LENIENT: DefinedScheme = defineScheme({
  name: 'lenient',
  secret: { encoding: 'utf8', minBytes: 4 },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-signature', repeated: true, encoding: 'hex-any' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
});
