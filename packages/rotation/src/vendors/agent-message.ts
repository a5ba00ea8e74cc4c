import { checkChoice, configError } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import type { ReplaceVendor, RotationVendor, VendorAnswer } from '../vendor.ts';
import { agentMessageEndpoints, testAnswer } from './agent-message-endpoints.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { callVendor, textField } from './http.ts';

/** Options of `vendors.agentMessage()`. */
export type AgentMessageOptions = VendorApiOptions & {
  /** How the secret's text becomes the key: the same as for the scheme. Default: `'base64'`. */
  keyEncoding?: 'base64' | 'utf8' | 'hex';
} & (
    | {
        /** The secret of one endpoint: replaced at once. */
        rotates: 'endpoint';
        webhookId: string;
        /** With the scope `webhooks:write`; with `strategy: 'replace'`, also `webhooks:read`. */
        apiKey: string | undefined;
        /**
         * - `'in-place'`, the default: one call replaces the secret of this endpoint.
         * - `'replace'`: another endpoint replaces this one, and both deliver for a while.
         */
        strategy?: 'in-place' | 'replace';
      }
    | {
        /** The secret of the organization: the old one stays valid for five minutes. */
        rotates: 'organization';
        /** With the scope `org:admin:write`. */
        apiKey: string | undefined;
      }
  );

const OWNER = 'vendors.agentMessage()';
const TOLERANCE_SECONDS = 300;
const ORGANIZATION_GRACE_SECONDS = 300;
/** Not documented: assumed. */
const RETRY_SPAN_SECONDS = 86_400;

/**
 * A secret at AgentMessage: of one endpoint, or of the organization. Receivers need both, so the target lists two `current`
 * secrets: choose one with the option `replaces` of `rotate()`.
 *
 * AgentMessage does not document what it retries. So the announcement must reach the instances before the vendor is called: then
 * every delivery that matches no key gets 503, without a limit. An endpoint's new secret is checked with a test delivery.
 *
 * Errors: 401, 403, 404.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.agentMessage({ rotates: 'endpoint', webhookId, apiKey: process.env.AGENTMESSAGE_API_KEY })
 * ```
 */
export function agentMessage(
  options: Extract<AgentMessageOptions, { rotates: 'endpoint' }> & { strategy: 'replace' },
): ReplaceVendor;
export function agentMessage(
  options:
    | Extract<AgentMessageOptions, { rotates: 'organization' }>
    | (Extract<AgentMessageOptions, { rotates: 'endpoint' }> & { strategy?: 'in-place' }),
): RotationVendor;
export function agentMessage(options: AgentMessageOptions): RotationVendor | ReplaceVendor {
  const api = {
    ...readApi(OWNER, options, {
      name: 'agent-message',
      baseUrl: 'https://api.agentmsg.io',
      known: ['rotates', 'webhookId', 'apiKey', 'keyEncoding', 'strategy'],
    }),
    headers: { Authorization: `Bearer ${checkHeaderText(OWNER, 'apiKey', options.apiKey)}` },
    permission: `Use an API key with the scope "${
      options.rotates === 'organization' ? 'org:admin:write' : 'webhooks:write'
    }".`,
  };
  const keyEncoding = checkChoice('keyEncoding', options.keyEncoding, ['base64', 'utf8', 'hex']);
  const common = {
    name: 'agent-message',
    secret: { encoding: keyEncoding },
    retriesRefusals: false,
    overlapSeconds: TOLERANCE_SECONDS,
  } as const;

  if (options.rotates === 'organization') {
    const path = '/v1/webhook-secret/rotate';
    return {
      ...common,
      endpointId: 'organization',
      graceSeconds: ORGANIZATION_GRACE_SECONDS,
      rotateCall: `POST ${api.baseUrl}${path}`,
      async rotate({ signal }) {
        return organizationAnswer(await callVendor(api, { method: 'POST', path, signal }));
      },
    };
  }
  if (options.rotates !== 'endpoint') {
    throw configError(`"rotates" of ${OWNER} must be "endpoint" or "organization".`);
  }
  const webhookId = checkPathPart(OWNER, 'webhookId', options.webhookId);
  if (checkChoice('strategy', options.strategy, ['in-place', 'replace']) === 'replace') {
    return {
      ...common,
      endpointId: webhookId,
      graceSeconds: TOLERANCE_SECONDS,
      overlapSeconds: RETRY_SPAN_SECONDS,
      rotateCall: `POST ${api.baseUrl}/v1/webhooks`,
      endpoints: agentMessageEndpoints(api, webhookId),
    };
  }
  const path = `/v1/webhooks/${webhookId}/rotate-secret`;
  return {
    ...common,
    endpointId: webhookId,
    graceSeconds: 0,
    rotateCall: `POST ${api.baseUrl}${path}`,
    async rotate({ signal }) {
      const response = await callVendor(api, { method: 'POST', path, signal });
      return { secret: textField(response, 'secret') };
    },
    async test({ signal }) {
      return testAnswer(
        await callVendor(api, { method: 'POST', path: `/v1/webhooks/${webhookId}/test`, signal }),
      );
    },
  };
}

function organizationAnswer(response: unknown): VendorAnswer {
  const until = Date.parse(textField(response, 'previous_valid_until') ?? '');
  return {
    secret: textField(response, 'webhook_secret'),
    replacedUntil: Number.isNaN(until) ? undefined : new Date(until),
  };
}
