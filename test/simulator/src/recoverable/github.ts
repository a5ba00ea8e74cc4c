import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { type ApiAnswer, bearerOf } from './api.ts';
import type { Deliveries, RecoverableEvent } from './deliveries.ts';
import { open, type VendorAccount } from './open.ts';
import type { RecoverableSender, RecoverableSenderOptions } from './recoverable-sender.ts';

/** Options of {@link simulateGithub}. */
export interface GithubOptions extends RecoverableSenderOptions {
  /** Whose webhook it is. Default: a repository's. */
  readonly level?: 'repository' | 'organization' | 'app';
  /** What the token may do. Default: everything. */
  readonly grants?: 'none' | 'read' | 'write';
}

const HOOK_ID = '412345678';
/** Real ids are as long, longer than a number can hold exactly. */
const FIRST_DELIVERY_ID = 88_043_927_380_262_912n;
const PATHS = {
  repository: `/repos/acme/shop/hooks/${HOOK_ID}`,
  organization: `/orgs/acme/hooks/${HOOK_ID}`,
  app: '/app/hook',
};

/**
 * GitHub's webhook of a repository, an organization or an app: never retries, lists attempts newest first with a cursor, and sends
 * again on demand. After docs.github.com/en/rest/repos/webhooks and …/rest/using-the-rest-api (2026-12-01).
 */
export function simulateGithub(options: GithubOptions): Promise<RecoverableSender> {
  const { level = 'repository', grants = 'write' } = options;
  const token = `ghp_${randomBytes(18).toString('hex')}`;
  const secret = randomBytes(24).toString('hex');
  const path = `${PATHS[level]}/deliveries`;
  const ids: Record<typeof level, Record<string, string>> = {
    repository: { owner: 'acme', repo: 'shop', hookId: HOOK_ID },
    organization: { org: 'acme', hookId: HOOK_ID },
    app: {},
  };
  const account: VendorAccount = {
    access: { ...ids[level], token },
    secret,
    assumptions: [
      'The cursor is the id of a delivery.',
      'A redelivery is listed when the receiver has responded.',
    ],
    form: {
      event: ({ sequence, createdAt }) => ({
        id: randomUUID(),
        type: 'issues',
        body: JSON.stringify({
          action: 'opened',
          issue: { number: sequence, created_at: createdAt },
          sequence,
        }),
      }),
      headers: ({ id, body }) => ({
        'Content-Type': 'application/json',
        'User-Agent': 'GitHub-Hookshot/simulated',
        'X-GitHub-Delivery': id,
        'X-GitHub-Event': 'issues',
        'X-GitHub-Hook-ID': HOOK_ID,
        'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      }),
    },
    api: (deliveries, apiUrl) => ({
      error,
      limited: (resetMs) => ({
        ...error(403),
        headers: {
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': String(Math.ceil((Date.now() + resetMs) / 1000)),
        },
      }),
      quota: (left, resetMs) => ({
        'x-ratelimit-remaining': String(left),
        'x-ratelimit-reset': String(Math.ceil((Date.now() + resetMs) / 1000)),
      }),
      handle(call) {
        if (bearerOf(call) !== token) return error(401);
        const needed = call.method === 'GET' ? 'read' : 'write';
        if (grants === 'none' || (needed === 'write' && grants === 'read')) {
          const refused = error(403);
          const permissions = { 'x-accepted-github-permissions': `repository_hooks=${needed}` };
          return { ...refused, headers: { ...refused.headers, ...permissions } };
        }
        if (call.method === 'GET' && call.path === path)
          return list(deliveries, call.query, `${apiUrl()}${path}`);
        const [, id] = new RegExp(`^${path}/(\\d+)/attempts$`).exec(call.path) ?? [];
        const event = deliveries.all.find(({ attempts }) =>
          attempts.some(({ number }) => idOf(number) === id),
        );
        if (call.method !== 'POST' || event === undefined) return error(404);
        deliveries.repeat(event.id);
        return { status: 202, body: {} };
      },
    }),
  };
  return open(account, options);
}

function idOf(number: number): string {
  return String(FIRST_DELIVERY_ID + BigInt(number));
}

function list(deliveries: Deliveries, query: URLSearchParams, url: string): ApiAnswer {
  const perPage = Math.min(Number(query.get('per_page') ?? '30'), 100);
  const newestFirst = deliveries.all
    .flatMap((event) => event.attempts.map((attempt) => ({ event, attempt })))
    .sort((a, b) => b.attempt.at.getTime() - a.attempt.at.getTime() || b.attempt.number - a.attempt.number);
  const cursor = query.get('cursor');
  const start = cursor === null ? 0 : newestFirst.findIndex(({ attempt }) => idOf(attempt.number) === cursor);
  const page = newestFirst.slice(start, start + perPage);
  const next = newestFirst[start + perPage];
  const link =
    next === undefined
      ? undefined
      : `<${url}?per_page=${perPage}&cursor=${idOf(next.attempt.number)}>; rel="next"`;
  return {
    status: 200,
    headers: { 'x-github-request-id': 'C0FF:EE', ...(link === undefined ? {} : { link }) },
    // Ids are numbers, and too long for JSON.stringify().
    body: `[${page.map(({ event, attempt }) => entry(event, attempt)).join(',')}]`,
  };
}

function entry({ id, type }: RecoverableEvent, attempt: RecoverableEvent['attempts'][number]): string {
  const { number, at, status, isRepetition } = attempt;
  const rest = JSON.stringify({
    guid: id,
    delivered_at: at,
    redelivery: isRepetition,
    duration: 0.27,
    status: status === 0 ? 'timed out' : status < 300 ? 'OK' : 'Invalid HTTP Response',
    status_code: status,
    event: type,
    action: 'opened',
    installation_id: null,
    repository_id: 456,
  });
  return `{"id":${idOf(number)},${rest.slice(1)}`;
}

function error(status: number): ApiAnswer {
  const messages: Record<number, string> = {
    401: 'Bad credentials',
    403: 'Resource not accessible by personal access token',
    404: 'Not Found',
  };
  const body = {
    message: messages[status] ?? 'Server Error',
    documentation_url: 'https://docs.github.com/rest',
  };
  return { status, headers: { 'x-github-request-id': 'C0FF:EE' }, body };
}
