import { createHmac, timingSafeEqual } from 'node:crypto';
import { handle, type ReceiverSetup } from './ours.ts';

/** A request as a receiver of any framework sees it. */
export interface Received {
  readonly method: string;
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The steps of a receiver that is written by hand. A fault replaces one of them. */
export interface Steps {
  verify(request: Received, secrets: readonly string[]): boolean | Promise<boolean>;
  /** What identifies a delivery. */
  key(request: Received): string;
  /** Whether nobody else has this delivery. */
  claim(key: string): boolean | Promise<boolean>;
  release(key: string): void;
  refuse(request: Received, setup: ReceiverSetup): Reply | Promise<Reply>;
  duplicate(): Reply;
  handle(ran: string, body: Buffer): void | Promise<void>;
  /** Responds to a sender's test of the endpoint, before or after the verification. */
  greet?(request: Received, when: 'before' | 'after'): Reply | undefined;
  failed(error: unknown): Reply;
}

/** The signature of a sender, as its documentation describes it. */
export type Formula = Pick<Steps, 'verify' | 'key'>;

export function hmac(hash: string, key: string | Buffer, ...parts: (string | Buffer)[]): Buffer {
  const mac = createHmac(hash, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Compares two texts of any length. */
export function same(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export function isFresh(seconds: string, past = 300, future = 300): boolean {
  if (!/^\d{10}$/.test(seconds)) return false;
  const age = Date.now() / 1000 - Number(seconds);
  return age <= past && -age <= future;
}

export const github: Formula = {
  verify: ({ headers, body }, secrets) =>
    secrets.some((secret) =>
      same(headers['x-hub-signature-256'] ?? '', `sha256=${hmac('sha256', secret, body).toString('hex')}`),
    ),
  key: ({ body }) => body.toString('latin1'),
};

/** The time and the v1 entries of Stripe's header. */
export function stripeEntries(header = ''): { time: string; signatures: string[] } {
  const entries = header.split(',').map((entry) => entry.split('=') as [string, string?]);
  const of = (label: string) =>
    entries.flatMap(([name, value]) => (name === label && value !== undefined ? [value] : []));
  return { time: of('t')[0] ?? '', signatures: of('v1') };
}

export function stripeMac(secret: string, time: string, body: Buffer): string {
  return hmac('sha256', secret, `${time}.`, body).toString('hex');
}

export const stripe: Formula = {
  verify({ headers, body }, secrets) {
    const { time, signatures } = stripeEntries(headers['stripe-signature']);
    return (
      isFresh(time) &&
      secrets.some((secret) => signatures.some((given) => same(given, stripeMac(secret, time, body))))
    );
  },
  key: ({ body }) => JSON.parse(body.toString()).id,
};

export function slackMac(secret: string, time: string, body: Buffer): string {
  return `v0=${hmac('sha256', secret, `v0:${time}:`, body).toString('hex')}`;
}

export const slack: Formula = {
  verify({ headers, body }, secrets) {
    const time = headers['x-slack-request-timestamp'] ?? '';
    return (
      isFresh(time) &&
      secrets.some((secret) => same(headers['x-slack-signature'] ?? '', slackMac(secret, time, body)))
    );
  },
  key: ({ body }) => JSON.parse(body.toString()).event_id,
};

/** Slack's url_verification. */
export function greetSlack({ body }: Received): Reply | undefined {
  try {
    const { type, challenge } = JSON.parse(body.toString());
    if (type === 'url_verification') return { status: 200, body: JSON.stringify({ challenge }) };
  } catch {
    // Not JSON: not a challenge.
  }
  return undefined;
}

function standardMac(secret: string, id: string, time: string, body: Buffer): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return hmac('sha256', key, `${id}.${time}.`, body).toString('base64');
}

export const standardWebhooks: Formula = {
  verify({ headers, body }, secrets) {
    const {
      'webhook-id': id = '',
      'webhook-timestamp': time = '',
      'webhook-signature': header = '',
    } = headers;
    const given = header.split(' ').flatMap((entry) => (entry.startsWith('v1,') ? [entry.slice(3)] : []));
    return (
      isFresh(time) &&
      secrets.some((secret) => given.some((each) => same(each, standardMac(secret, id, time, body))))
    );
  },
  key: ({ headers }) => headers['webhook-id'] ?? '',
};

export const shopify: Formula = {
  verify: ({ headers, body }, secrets) =>
    secrets.some((secret) =>
      same(headers['x-shopify-hmac-sha256'] ?? '', hmac('sha256', secret, body).toString('base64')),
    ),
  key: ({ body, headers }) => `${headers['x-shopify-topic'] === 'orders/create'}${body.toString('latin1')}`,
};

export function twilioMac(secret: string, url: string, fields: Iterable<readonly [string, string]>): string {
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  return hmac('sha1', secret, url + sorted.map(([name, value]) => name + value).join('')).toString('base64');
}

export function twilioAt(publicUrl: string): Formula {
  return {
    verify: ({ headers, body, url }, secrets) => {
      const query = url.includes('?') ? url.slice(url.indexOf('?')) : '';
      return secrets.some((secret) =>
        same(
          headers['x-twilio-signature'] ?? '',
          twilioMac(secret, publicUrl + query, new URLSearchParams(body.toString())),
        ),
      );
    },
    // Twilio uses each response, so each request runs.
    key: () => String(Math.random()),
  };
}

export const gitlabToken: Formula = {
  verify: ({ headers }, secrets) => secrets.some((secret) => same(headers['x-gitlab-token'] ?? '', secret)),
  key: ({ body }) => body.toString('latin1'),
};

/** A right receiver of a sender, except for the steps that are given. */
export function stepsOf(formula: Formula, faults: Partial<Steps> = {}): Steps {
  const seen = new Set<string>();
  return {
    ...formula,
    claim: (key) => !seen.has(key) && seen.add(key) !== undefined,
    release: (key) => void seen.delete(key),
    refuse: () => ({ status: 401, body: 'refused' }),
    duplicate: () => ({ status: 200, body: 'ok' }),
    handle: (ran, body) => handle(ran, body),
    failed: () => ({ status: 500, body: 'failed' }),
    ...faults,
  };
}

/** What every receiver that is written by hand does, in this order. */
export async function receive(request: Received, steps: Steps, setup: ReceiverSetup): Promise<Reply> {
  const secrets = [setup.secret, ...(setup.previous === undefined ? [] : [setup.previous])];
  try {
    const early = steps.greet?.(request, 'before');
    if (early !== undefined) return early;
    if (!(await steps.verify(request, secrets))) return await steps.refuse(request, setup);
    const greeting = steps.greet?.(request, 'after');
    if (greeting !== undefined) return greeting;
    const key = steps.key(request);
    if (!(await steps.claim(key))) return steps.duplicate();
    try {
      await steps.handle(setup.ran, request.body);
      return { status: 200, body: 'ok' };
    } catch (error) {
      steps.release(key);
      throw error;
    }
  } catch (error) {
    return steps.failed(error);
  }
}
