import { configError } from '@countersign/core/extend';
import { checkPathPart } from '../../options.ts';
import { answerInvalid, fieldOf } from '../failures.ts';
import type { MissedDelivery, RecoveryVendor } from '../recovery-vendor.ts';
import {
  type Credential,
  checkNumericId,
  type RecoverableOptions,
  readCredential,
  readSource,
} from './source-options.ts';

/** Options of `recoverable.github()`: the webhook of a repository, an organization or a GitHub App. */
export type GithubSourceOptions = RecoverableOptions &
  (
    | {
        /** The owner of the repository. */
        owner: string;
        repo: string;
        hookId: number | string;
        /** A fine-grained token with "Webhooks: write" on the repository, or a classic one with `write:repo_hook`. */
        token: Credential;
      }
    | {
        org: string;
        hookId: number | string;
        /** A fine-grained token with "Webhooks: write" on the organization, or a classic one with `admin:org_hook`. */
        token: Credential;
      }
    | {
        /** The webhook of the GitHub App to which the token belongs. */
        app: true;
        /** A JSON Web Token of the app. It expires within ten minutes, so pass a function that makes one. */
        token: Credential;
      }
  );

const OWNER = 'recoverable.github()';
const NAME = 'github';
const DAY_SECONDS = 86_400;
const PER_PAGE = '100';
/** What GitHub sends as `status` of a delivery that was made. */
const SUCCESS = 'OK';

/**
 * A webhook at GitHub. GitHub never retries by itself, and keeps deliveries for three days.
 *
 * Deliveries of which every attempt failed are sent again by GitHub, with the same body, so a delivery that your receiver has
 * handled counts as a duplicate.
 *
 * From (2026-12-01):
 * - https://docs.github.com/en/rest/repos/webhooks, …/rest/orgs/webhooks, …/rest/apps/webhooks: lists, newest first, 100 a page, the
 *   next page through the `Link` header; a redelivery has the `guid` of the first attempt, and is asked for with `POST …/attempts`.
 * - https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks: three days.
 * - https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries: a failed delivery is one whose `status` is
 *   not `OK`.
 * - https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api: a second between calls that change
 *   something.
 *
 * Assumption: the list contains a redelivery within ten minutes after it was asked for.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * recoverable.github({ owner: 'acme', repo: 'shop', hookId: 12345678, token: process.env.GITHUB_TOKEN })
 * ```
 */
export function github(given: GithubSourceOptions): RecoveryVendor {
  const { options, source } = readSource(OWNER, given, {
    known: ['owner', 'repo', 'org', 'app', 'hookId', 'token'],
    baseUrl: 'https://api.github.com',
  });
  const hook = hookOf(options);
  const authorization = readCredential(OWNER, 'token', options.token);
  const path = `${hook.path}/deliveries`;
  return {
    name: NAME,
    endpointId: hook.endpointId,
    keptSeconds: 3 * DAY_SECONDS,
    rememberSeconds: 7 * DAY_SECONDS,
    paceSeconds: 1,
    ...source,
    headers: async () => ({
      ...(await authorization()),
      Accept: 'application/vnd.github+json',
      'X-GitHub-Api-Version': '2022-11-28',
      'User-Agent': 'countersign-rotation',
    }),
    permissions: hook.permissions,
    resendCall: `POST ${source.baseUrl}${path}/{id}/attempts`,
    async list({ since, until }, session) {
      const seen = new Map<string, Seen>();
      let cursor: string | undefined;
      do {
        const query = new URLSearchParams({ per_page: PER_PAGE });
        if (cursor !== undefined) query.set('cursor', cursor);
        const { headers, text } = await session.page(path, query);
        const attempts = attemptsIn(text);
        for (const attempt of attempts) note(seen, attempt);
        const oldest = attempts.at(-1);
        const isBefore = oldest !== undefined && oldest.at < since;
        cursor = isBefore || oldest === undefined ? undefined : nextCursor(headers.get('link'));
      } while (cursor !== undefined);
      return [...seen].flatMap(([guid, delivery]) => missedOf(guid, delivery, since, until));
    },
    async resend({ lastAttempt }, session) {
      await session.change(`${path}/${lastAttempt ?? ''}/attempts`);
    },
  };
}

interface Attempt {
  readonly id: string;
  readonly guid: string;
  readonly at: Date;
  readonly ok: boolean;
  readonly status: number | undefined;
  readonly type: string | undefined;
}

/** The newest and the oldest attempt of one delivery. */
interface Seen {
  readonly newest: Attempt;
  readonly oldest: Attempt;
  readonly isDelivered: boolean;
}

function note(seen: Map<string, Seen>, attempt: Attempt): void {
  const before = seen.get(attempt.guid);
  if (before === undefined) {
    seen.set(attempt.guid, { newest: attempt, oldest: attempt, isDelivered: attempt.ok });
    return;
  }
  seen.set(attempt.guid, {
    newest: attempt.at > before.newest.at ? attempt : before.newest,
    oldest: attempt.at < before.oldest.at ? attempt : before.oldest,
    isDelivered: before.isDelivered || attempt.ok,
  });
}

function missedOf(guid: string, { newest, oldest, isDelivered }: Seen, since: Date, until: Date) {
  if (isDelivered || oldest.at < since || oldest.at > until) return [];
  const missed: MissedDelivery = {
    id: guid,
    type: newest.type,
    createdAt: oldest.at,
    lastAttempt: newest.id,
    status: newest.status,
  };
  return [missed];
}

function attemptsIn(text: string): Attempt[] {
  // Ids of deliveries exceed what a number can hold exactly, so they are read as text. Inside a JSON string, quotes are escaped.
  const exact = text.replace(/([{,]\s*"id"\s*:\s*)(\d+)/g, '$1"$2"');
  let body: unknown;
  try {
    body = JSON.parse(exact);
  } catch {
    throw answerInvalid(NAME);
  }
  if (!Array.isArray(body)) throw answerInvalid(NAME);
  return body.map(readAttempt);
}

function readAttempt(entry: unknown): Attempt {
  const [id, guid, at, status] = ['id', 'guid', 'delivered_at', 'status'].map((name) => fieldOf(entry, name));
  const date = typeof at === 'string' ? new Date(at) : undefined;
  const valid = typeof id === 'string' && typeof guid === 'string' && typeof status === 'string';
  if (!valid || date === undefined || Number.isNaN(date.getTime())) throw answerInvalid(NAME);
  const code = fieldOf(entry, 'status_code');
  const event = fieldOf(entry, 'event');
  return {
    id,
    guid,
    at: date,
    ok: status === SUCCESS,
    status: typeof code === 'number' && code > 0 ? code : undefined,
    type: typeof event === 'string' ? event : undefined,
  };
}

/** Only the cursor is read, so that the credentials go to no other place than the base URL. */
function nextCursor(link: string | null): string | undefined {
  const next = /<([^>]+)>\s*;[^,]*\brel="?next"?/.exec(link ?? '')?.[1];
  if (next === undefined || !URL.canParse(next)) return undefined;
  return new URL(next).searchParams.get('cursor') ?? undefined;
}

function hookOf(options: GithubSourceOptions): {
  readonly path: string;
  readonly endpointId: string;
  readonly permissions: RecoveryVendor['permissions'];
} {
  if ('app' in options && options.app === true) {
    const permission = 'a JSON Web Token of the GitHub App';
    return {
      path: '/app/hook',
      endpointId: 'app',
      permissions: { list: permission, resend: permission },
    };
  }
  const hookId = 'hookId' in options ? checkNumericId(OWNER, 'hookId', options.hookId) : undefined;
  if (hookId !== undefined && 'org' in options) {
    const org = checkPathPart(OWNER, 'org', options.org);
    return {
      path: `/orgs/${org}/hooks/${hookId}`,
      endpointId: `${org}/${hookId}`,
      permissions: {
        list: '"Webhooks: read" on the organization, or the scope admin:org_hook',
        resend: '"Webhooks: write" on the organization, or the scope admin:org_hook',
      },
    };
  }
  if (hookId !== undefined && 'repo' in options) {
    const owner = checkPathPart(OWNER, 'owner', options.owner);
    const repo = checkPathPart(OWNER, 'repo', options.repo);
    return {
      path: `/repos/${owner}/${repo}/hooks/${hookId}`,
      endpointId: `${owner}/${repo}/${hookId}`,
      permissions: {
        list: '"Webhooks: read" on the repository, or the scope read:repo_hook',
        resend: '"Webhooks: write" on the repository, or the scope write:repo_hook',
      },
    };
  }
  throw configError(`${OWNER} needs "owner", "repo" and "hookId", or "org" and "hookId", or "app: true".`);
}
