import { createHmac } from 'node:crypto';
import type { DefinedScheme } from '@countersign/core';
import {
  anthropic,
  buildkite,
  calendly,
  clerk,
  cloudflareStream,
  elevenLabs,
  finch,
  gitlab,
  inngest,
  lithic,
  mercadoPago,
  mux,
  openai,
  orb,
  paddle,
  pagerDuty,
  persona,
  polar,
  replicate,
  resend,
  retell,
  sanity,
  supabaseAuth,
  workos,
} from '@countersign/schemes';
import type { Request } from '../../../../test/support/outcome.ts';

/** What a sender is about to send. */
export interface Delivery {
  secret: string;
  /** What tells one delivery from another. */
  id: string;
  /** Counted from 1. */
  attempt: number;
  seconds: number;
}

/** A sender's documented formula, written out: no part of it comes from our definition. */
export interface Formula {
  scheme: DefinedScheme;
  secret: string;
  otherSecret: string;
  request(delivery: Delivery): Request;
  /** Seconds that the signed time may lie back and ahead. */
  window: { past: number; future: number } | undefined;
  bodyIsSigned?: false;
}

const BASE64 = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAbCdEf01';
const OTHER_BASE64 = 'C2FVsBQIhrscChlQIMV+b5sSYspob7oDAbCdEf01';
const HEX = 'f3d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa9988';
const OTHER_HEX = '0d1a0b5c79e42768fd50c1e2b3a49687766554433221100ffeeddccbbaa99aa1';
const FIVE_MINUTES = { past: 300, future: 300 };

type Digits = 'hex' | 'base64' | 'base64url';
export function mac(key: string | Buffer, content: string, digits: Digits = 'hex'): string {
  return createHmac('sha256', key).update(content).digest(digits);
}

function post(body: string, headers: Record<string, string>): Request {
  return { headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(body) };
}

const eventBody = (id: string) => JSON.stringify({ id, type: 'order.paid', text: '✅ größer' });

const WHSEC = [`whsec_${BASE64}`, `whsec_${OTHER_BASE64}`];
const decoded = (secret: string) => Buffer.from(secret.replace('whsec_', ''), 'base64');

/** Standard Webhooks under some header names. */
function standard(
  scheme: DefinedScheme,
  family: string,
  { key = decoded, secrets = WHSEC }: { key?: (secret: string) => string | Buffer; secrets?: string[] } = {},
): Formula {
  const [secret = '', otherSecret = ''] = secrets;
  const names =
    family === 'finch' ? ['event-id', 'timestamp', 'signature'] : ['id', 'timestamp', 'signature'];
  return {
    scheme,
    secret,
    otherSecret,
    window: FIVE_MINUTES,
    request({ secret: signing, id, seconds }) {
      const body = eventBody('the same for all');
      const signature = `v1,${mac(key(signing), `${id}.${seconds}.${body}`, 'base64')}`;
      const values = [id, String(seconds), signature];
      return post(body, Object.fromEntries(names.map((name, at) => [`${family}-${name}`, values[at] ?? ''])));
    },
  };
}

interface Timed {
  header: string;
  write: (time: string, signature: string) => string;
  content?: (time: string, body: string) => string;
  time?: (seconds: number) => string;
  digits?: Digits;
  body?: (id: string) => string;
  window?: Formula['window'];
}

/** Time and signature in one header. */
function timed(scheme: DefinedScheme, options: Timed): Formula {
  const { header, write, digits = 'hex', body = eventBody, window = FIVE_MINUTES } = options;
  const { content = (time, text) => `${time}.${text}`, time = String } = options;
  return {
    scheme,
    secret: HEX,
    otherSecret: OTHER_HEX,
    window,
    request({ secret, id, seconds }) {
      const text = body(id);
      const signature = mac(secret, content(time(seconds), text), digits);
      return post(text, { [header]: write(time(seconds), signature) });
    },
  };
}

const milliseconds = (seconds: number) => `${seconds}000`;

export const FORMULAS: Record<string, Formula> = {
  Clerk: standard(clerk(), 'svix'),
  Resend: standard(resend(), 'svix'),
  OpenAI: standard(openai(), 'webhook'),
  Anthropic: standard(anthropic(), 'webhook'),
  Replicate: standard(replicate(), 'webhook'),
  GitLab: standard(gitlab(), 'webhook'),
  Lithic: standard(lithic(), 'webhook'),
  Finch: standard(finch(), 'finch', { secrets: [BASE64, OTHER_BASE64] }),
  'Polar, keyed with the text of the secret': standard(polar(), 'webhook', {
    key: (secret) => secret,
    secrets: [`polar_whs_${HEX}`, `polar_whs_${OTHER_HEX}`],
  }),
  'Supabase Auth, with a new id for each try': {
    scheme: supabaseAuth(),
    secret: `v1,whsec_${BASE64}`,
    otherSecret: `v1,whsec_${OTHER_BASE64}`,
    window: FIVE_MINUTES,
    request({ secret, id, attempt, seconds }) {
      const body = eventBody(id);
      const webhookId = `${id}-try-${attempt}`;
      const content = `${webhookId}.${seconds}.${body}`;
      const sign = (key: string) => `v1,${mac(Buffer.from(key, 'base64'), content, 'base64')}`;
      return post(body, {
        'webhook-id': webhookId,
        'webhook-timestamp': String(seconds),
        'webhook-signature': `${sign('AAAA')}, ${sign(secret.slice('v1,whsec_'.length))}`,
      });
    },
  },
  Paddle: timed(paddle(), {
    header: 'paddle-signature',
    write: (time, signature) => `ts=${time};h1=${signature}`,
    content: (time, body) => `${time}:${body}`,
    body: (id) => JSON.stringify({ event_id: id, event_type: 'transaction.paid' }),
    window: { past: 300, future: 300 },
  }),
  Calendly: timed(calendly(), {
    header: 'calendly-webhook-signature',
    write: (time, signature) => `t=${time},v1=${signature}`,
    window: { past: 180, future: 180 },
  }),
  Persona: timed(persona(), {
    header: 'persona-signature',
    write: (time, signature) => `t=${time},v1=${'0'.repeat(64)} t=${time},v1=${signature}`,
    body: (id) => JSON.stringify({ data: { type: 'event', id } }),
  }),
  Mux: timed(mux(), { header: 'mux-signature', write: (time, signature) => `t=${time},v1=${signature}` }),
  WorkOS: timed(workos(), {
    header: 'workos-signature',
    write: (time, signature) => `t=${time}, v1=${signature}`,
    time: milliseconds,
    window: { past: 180, future: 180 },
  }),
  ElevenLabs: timed(elevenLabs(), {
    header: 'elevenlabs-signature',
    write: (time, signature) => `t=${time},v0=${signature}`,
    window: { past: 1_800, future: 300 },
  }),
  'Retell AI': timed(retell(), {
    header: 'x-retell-signature',
    write: (time, signature) => `v=${time},d=${signature}`,
    content: (time, body) => `${body}${time}`,
    time: milliseconds,
  }),
  Sanity: timed(sanity(), {
    header: 'sanity-webhook-signature',
    write: (time, signature) => `t=${time},v1=${signature}`,
    time: milliseconds,
    digits: 'base64url',
  }),
  'Cloudflare Stream': timed(cloudflareStream(), {
    header: 'webhook-signature',
    write: (time, signature) => `time=${time},sig1=${signature}`,
  }),
  Buildkite: timed(buildkite(), {
    header: 'x-buildkite-signature',
    write: (time, signature) => `timestamp=${time},signature=${signature}`,
  }),
  'Inngest, with a body whose canonical form differs': {
    scheme: inngest(),
    secret: `signkey-test-${HEX}`,
    otherSecret: `signkey-prod-${OTHER_HEX}`,
    window: FIVE_MINUTES,
    request({ secret, id, seconds }) {
      const content = `{"a":1,"id":"${id}"}${seconds}`;
      const signature = mac(secret.replace(/^signkey-\w+-/, ''), content);
      return post(`{ "id": "${id}", "a": 1.0 }`, { 'x-inngest-signature': `t=${seconds}&s=${signature}` });
    },
  },
  PagerDuty: {
    scheme: pagerDuty(),
    secret: HEX,
    otherSecret: OTHER_HEX,
    window: undefined,
    request({ secret, id, attempt }) {
      const body = JSON.stringify({ event: { id, event_type: 'incident.triggered' }, attempt });
      const signature = mac(secret, body);
      return post(body, { 'x-pagerduty-signature': `v1=${'0'.repeat(64)},v1=${signature},v2=x` });
    },
  },
  Orb: {
    scheme: orb(),
    secret: HEX,
    otherSecret: OTHER_HEX,
    window: FIVE_MINUTES,
    request({ secret, id, seconds }) {
      const body = eventBody(id);
      const time = new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, '');
      const signature = mac(secret, `v1:${time}:${body}`);
      return post(body, {
        'x-orb-timestamp': time,
        'x-orb-signature': `v1=${'0'.repeat(64)} v1=${signature}`,
      });
    },
  },
  'Mercado Pago': {
    scheme: mercadoPago(),
    secret: HEX,
    otherSecret: OTHER_HEX,
    window: FIVE_MINUTES,
    bodyIsSigned: false,
    request({ secret, id, seconds }) {
      const content = `id:${id};request-id:r-1;ts:${seconds}000;`;
      const given = post('{"type":"payment"}', {
        'x-request-id': 'r-1',
        'x-signature': `ts=${seconds}000,v1=${mac(secret, content)}`,
      });
      return { ...given, url: `/hooks/mercado-pago?data.id=${id}&type=payment` };
    },
  },
};
