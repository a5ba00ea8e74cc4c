import { configError } from '@countersign/core/extend';
import { checkHeaderText, checkNumericId, checkPathPart } from '../options.ts';
import type { RotationVendor } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import type { RefusedResponse } from './error-details.ts';
import { makeAppToken, readPrivateKey } from './github-app-token.ts';
import { callVendor, type VendorApi } from './http.ts';
import { makeTextSecret } from './own-secret.ts';
import type { Refusal } from './refusals.ts';

// Read on 2026-12-01:
// - paths, bodies, scopes: GitHub's OpenAPI description, npm @octokit/openapi 23.0.2 (api.github.com), and
//   https://docs.github.com/en/rest/webhooks/repo-config, /rest/orgs/webhooks, /rest/apps/webhooks
// - limits, and 404 for a missing permission: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
// - the token of an app: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
// - no retries, redelivery for three days: https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
// Assumed: the new secret signs from the next delivery on, and a redelivery may repeat its first signature.

/** Options of `vendors.github()`. */
export type GithubOptions = VendorApiOptions &
  (
    | {
        /** The webhook of one repository. */
        rotates: 'repository';
        owner: string;
        repo: string;
        hookId: number | string;
        /** With the scope `write:repo_hook` (part of `admin:repo_hook`) or `repo`; fine-grained: "Webhooks: write". */
        token: string | undefined;
        /** Whether GitHub sends a `ping` event after the rotation. Default: `true`. */
        ping?: boolean;
      }
    | {
        /** The webhook of an organization. */
        rotates: 'organization';
        org: string;
        hookId: number | string;
        /** Of an owner of the organization, with the scope `admin:org_hook`; fine-grained: "Webhooks: write". */
        token: string | undefined;
        /** Whether GitHub sends a `ping` event after the rotation. Default: `true`. */
        ping?: boolean;
      }
    | {
        /** The webhook of a GitHub App. */
        rotates: 'app';
        /** The client ID of the app, or its numeric id. */
        clientId: string;
        /** A private key of the app, as PEM text. */
        privateKey: string | undefined;
      }
  );

const OWNER = 'vendors.github()';
/** A failed delivery can be requested again for three days. */
const REDELIVERY_SECONDS = 259_200;

const PERMISSIONS = {
  repository:
    'Give the token the scope "write:repo_hook" (part of "admin:repo_hook") or "repo", or, if it is fine-grained, the repository permission "Webhooks: write".',
  organization:
    'Use the token of an owner of the organization, with the scope "admin:org_hook" or, if it is fine-grained, the organization permission "Webhooks: write".',
  app: 'Use the private key and the client ID of the app that owns the webhook.',
} as const;

/**
 * A webhook at GitHub: of a repository, an organization or a GitHub App. GitHub accepts your own secret, so the new one is
 * published before GitHub signs with it, and there is no gap. GitHub never retries: deliveries would otherwise be lost.
 *
 * The old secret is kept for three days, because a failed delivery can be requested again for that long.
 *
 * Errors: 401, 403, 404 (also if a permission is missing), 422, 429. For GitHub Enterprise Server, pass
 * `baseUrl: 'https://HOST/api/v3'`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.github({ rotates: 'repository', owner: 'acme', repo: 'shop', hookId: 123456789, token: process.env.GITHUB_TOKEN })
 * ```
 */
export function github(options: GithubOptions): RotationVendor {
  const base = readApi(OWNER, options, {
    name: 'github',
    baseUrl: 'https://api.github.com',
    known: ['rotates', 'owner', 'repo', 'org', 'hookId', 'token', 'ping', 'clientId', 'privateKey'],
  });
  const hook = readHook(options);
  const { permission } = hook;
  const api = (): VendorApi => ({
    ...base,
    headers: {
      Accept: 'application/vnd.github+json',
      Authorization: `Bearer ${hook.token()}`,
      'User-Agent': 'countersign-rotation',
      'X-GitHub-Api-Version': '2022-11-28',
    },
    permission,
    explain: (response) => explain(response, permission),
  });
  const path = `${hook.path}/config`;
  return {
    name: 'github',
    endpointId: hook.id,
    secret: { encoding: 'utf8' },
    retriesRefusals: false,
    graceSeconds: 0,
    overlapSeconds: REDELIVERY_SECONDS,
    rotateCall: `PATCH ${base.baseUrl}${path}`,
    makeKey: makeTextSecret,
    async rotate({ key, signal }) {
      await callVendor(api(), { method: 'PATCH', path, body: { secret: key }, signal });
      return { secret: key };
    },
    ...(hook.pings
      ? {
          async test({ signal }) {
            await callVendor(api(), { method: 'POST', path: `${hook.path}/pings`, signal });
            return { delivered: 'unknown' };
          },
        }
      : {}),
  };
}

interface Hook {
  readonly id: string;
  readonly path: string;
  readonly permission: string;
  readonly pings: boolean;
  token(): string;
}

function readHook(options: GithubOptions): Hook {
  if (options?.rotates === 'app') {
    const clientId = checkPathPart(OWNER, 'clientId', options.clientId);
    const key = readPrivateKey(OWNER, options.privateKey);
    const token = (): string => makeAppToken(clientId, key, Date.now());
    return { id: clientId, path: '/app/hook', permission: PERMISSIONS.app, pings: false, token };
  }
  if (options?.rotates !== 'repository' && options?.rotates !== 'organization') {
    throw configError(`"rotates" of ${OWNER} must be "repository", "organization" or "app".`);
  }
  const token = checkHeaderText(OWNER, 'token', options.token);
  const id = checkNumericId(OWNER, 'hookId', options.hookId);
  const { ping = true } = options;
  if (typeof ping !== 'boolean') throw configError(`"ping" of ${OWNER} must be true or false.`);
  const owner =
    options.rotates === 'organization'
      ? `/orgs/${checkPathPart(OWNER, 'org', options.org)}`
      : `/repos/${checkPathPart(OWNER, 'owner', options.owner)}/${checkPathPart(OWNER, 'repo', options.repo)}`;
  return {
    id,
    path: `${owner}/hooks/${id}`,
    permission: PERMISSIONS[options.rotates],
    pings: ping,
    token: () => token,
  };
}

/** GitHub limits calls with 403 as well, and hides what a token must not see behind 404. */
function explain({ status, headers, body }: RefusedResponse, permission: string): Refusal | undefined {
  const message: unknown = body === null || typeof body !== 'object' ? '' : Reflect.get(body, 'message');
  const isLimited =
    headers.get('x-ratelimit-remaining') === '0' ||
    headers.has('retry-after') ||
    /rate limit/i.test(String(message));
  if (status === 403 && isLimited) {
    return [
      'ERR_ROTATION_RATE_LIMITED',
      'reports too many calls',
      'Wait a minute or longer, then run again.',
    ];
  }
  if (status !== 404) return undefined;
  return [
    'ERR_ROTATION_NOT_FOUND',
    'has no such webhook, or does not show it to these credentials',
    `Check the ids. ${permission}`,
  ];
}
