import { checkChoice, configError } from '@countersign/core/extend';
import { checkHeaderText, checkNumericId } from '../options.ts';
import { type RotationVendor, VendorError } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { fieldAt } from './error-details.ts';
import { callVendor } from './http.ts';
import { makeStandardSecret, makeTextSecret } from './own-secret.ts';

// Read on 2026-12-01:
// - paths, "token": https://docs.gitlab.com/api/project_webhooks/ and /api/group_webhooks/; that "url" may be missing in an update:
//   GitLab's own code, lib/api/project_hooks.rb and ee/lib/api/group_hooks.rb
// - "signing_token" (GitLab 19.0), its format, "signing_token_present": https://docs.gitlab.com/api/system_hooks/ and merge request
//   231325 of gitlab-org/gitlab, which adds it to the webhooks of projects and groups as well
// Assumed: the new secret signs from the next delivery on; GitLab sends its own id of a request as X-Request-Id.

/** Options of `vendors.gitlab()`. */
export type GitlabOptions = VendorApiOptions & {
  hookId: number | string;
  /** An access token with the scope `api`: of a maintainer of the project, or of an owner of the group. */
  token: string | undefined;
  /**
   * Which secret of the webhook is replaced.
   *
   * - `'signing-token'`, the default: it signs, and receivers use the scheme `gitlab()`. Needs GitLab 19.0.
   * - `'secret-token'`: it is sent as `X-Gitlab-Token`, and receivers use the scheme `gitlabToken()`.
   */
  secret?: 'signing-token' | 'secret-token';
} & (
    | {
        /** The webhook of one project. */
        rotates: 'project';
        /** The id of the project, or its path: `'group/project'`. */
        project: number | string;
      }
    | {
        /** The webhook of a group. */
        rotates: 'group';
        /** The id of the group, or its path. */
        group: number | string;
      }
  );

const OWNER = 'vendors.gitlab()';
const TOLERANCE_SECONDS = 300;

/**
 * A webhook at GitLab, of a project or a group. GitLab accepts your own secret, so the new one is published before GitLab uses
 * it, and there is no gap. A webhook may have both secrets: each is rotated on its own.
 *
 * Errors: 400, 401, 403, 404, 422, 429. For your own GitLab, pass `baseUrl: 'https://HOST/api/v4'`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.gitlab({ rotates: 'project', project: 'acme/shop', hookId: 1234, token: process.env.GITLAB_TOKEN })
 * ```
 */
export function gitlab(options: GitlabOptions): RotationVendor {
  const api = {
    ...readApi(OWNER, options, {
      name: 'gitlab',
      baseUrl: 'https://gitlab.com/api/v4',
      known: ['rotates', 'project', 'group', 'hookId', 'token', 'secret'],
    }),
    headers: { 'PRIVATE-TOKEN': checkHeaderText(OWNER, 'token', options.token) },
    permission: `Use an access token with the scope "api" of ${
      options.rotates === 'group' ? 'an owner of the group' : 'a maintainer of the project'
    }.`,
  };
  const signs = checkChoice('secret', options.secret, ['signing-token', 'secret-token']) === 'signing-token';
  const field = signs ? 'signing_token' : 'token';
  const hookId = checkNumericId(OWNER, 'hookId', options.hookId);
  const path = `${readOwner(options)}/hooks/${hookId}`;
  return {
    name: 'gitlab',
    endpointId: hookId,
    secret: signs ? { encoding: 'base64', prefix: 'whsec_', prefixOptional: true } : { encoding: 'utf8' },
    retriesRefusals: false,
    graceSeconds: 0,
    overlapSeconds: TOLERANCE_SECONDS,
    rotateCall: `PUT ${api.baseUrl}${path}`,
    makeKey: signs ? makeStandardSecret : makeTextSecret,
    async rotate({ key, signal }) {
      const hook = await callVendor(api, { method: 'PUT', path, body: { [field]: key }, signal });
      const present = fieldAt(hook, [`${field}_present`]);
      // GitLab before 19.0 ignores a signing token without an error, and does not name what it has.
      if (present !== true && (signs || present === false)) throw ignored(signs);
      return { secret: key };
    },
  };
}

function readOwner(options: GitlabOptions): string {
  if (options.rotates === 'project') return `/projects/${readPath('project', options.project)}`;
  if (options.rotates === 'group') return `/groups/${readPath('group', options.group)}`;
  throw configError(`"rotates" of ${OWNER} must be "project" or "group".`);
}

/** An id, or a path that becomes one part of a URL. */
function readPath(name: string, value: unknown): string {
  if (typeof value === 'number') return checkNumericId(OWNER, name, value);
  if (typeof value === 'string' && /^[\w.-]+(?:\/[\w.-]+)*$/.test(value)) return encodeURIComponent(value);
  throw configError(`"${name}" of ${OWNER} must be its id, or its path without a slash at either end.`);
}

function ignored(signs: boolean): VendorError {
  const what = signs ? 'signing token' : 'secret token';
  return new VendorError('ERR_ROTATION_REFUSED', `gitlab did not take the ${what}.`, {
    effect: 'none',
    todo: signs
      ? 'Signing tokens need GitLab 19.0 and the feature "webhook_signing_token". Set secret: "secret-token" for an older GitLab.'
      : 'Look at the settings of the webhook.',
  });
}
