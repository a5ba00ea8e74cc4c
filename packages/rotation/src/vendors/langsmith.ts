import { configError } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import type { RotationVendor } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { callVendor, textField } from './http.ts';

/** Options of `vendors.langsmith()`. */
export interface LangsmithOptions extends VendorApiOptions {
  /** The tracing project, a UUID. */
  sessionId: string;
  /** The webhook, a UUID. */
  webhookId: string;
  /** Sent as `X-API-Key`. */
  apiKey?: string | undefined;
  /** Sent as `Authorization: Bearer`, instead of `apiKey`; needs `tenantId`. */
  bearerToken?: string | undefined;
  /** The workspace, sent as `X-Tenant-Id`. */
  tenantId?: string | undefined;
  /** The organization, sent as `X-Organization-Id`. */
  organizationId?: string | undefined;
}

const OWNER = 'vendors.langsmith()';
const DAY_SECONDS = 86_400;

/**
 * An issues-agent webhook at LangSmith. The new secret signs at once and the old one stops. The response contains the new one.
 *
 * A retry repeats its first signature (inferred), so the old secret is kept for the span of the retries. LangSmith does not
 * document that span: 24 hours are assumed. For the same reason, deliveries that were signed with a secret that a killed run did
 * not store are lost.
 *
 * Errors: 400, 401, 403, 404, 500. The newer URL is `https://api.smith.langchain.com/api`: pass it as `baseUrl`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.langsmith({ sessionId, webhookId, apiKey: process.env.LANGSMITH_API_KEY })
 * ```
 */
export function langsmith(options: LangsmithOptions): RotationVendor {
  const own = ['sessionId', 'webhookId', 'apiKey', 'bearerToken', 'tenantId', 'organizationId'];
  const api = {
    ...readApi(OWNER, options, {
      name: 'langsmith',
      baseUrl: 'https://api.smith.langchain.com',
      known: own,
    }),
    headers: { ...readCredentials(options), ...readOrganization(options) },
    permission:
      'Give the API key access to the workspace of the webhook. A key of the organization also needs "tenantId".',
  };
  const sessionId = checkPathPart(OWNER, 'sessionId', options.sessionId);
  const webhookId = checkPathPart(OWNER, 'webhookId', options.webhookId);
  const path = `/v1/platform/sessions/${sessionId}/issues-agent/webhooks/${webhookId}/roll-secret`;
  return {
    name: 'langsmith',
    endpointId: webhookId,
    secret: { encoding: 'utf8' },
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: DAY_SECONDS,
    rotateCall: `POST ${api.baseUrl}${path}`,
    async rotate({ signal }) {
      const response = await callVendor(api, { method: 'POST', path, signal });
      return { secret: textField(response, 'signing_secret') };
    },
  };
}

function readCredentials({ apiKey, bearerToken, tenantId }: LangsmithOptions): Record<string, string> {
  if (bearerToken === undefined) {
    const headers = { 'X-API-Key': checkHeaderText(OWNER, 'apiKey', apiKey) };
    return tenantId === undefined
      ? headers
      : { ...headers, 'X-Tenant-Id': checkHeaderText(OWNER, 'tenantId', tenantId) };
  }
  if (apiKey !== undefined)
    throw configError(`${OWNER} takes either "apiKey" or "bearerToken". Remove one of them.`);
  return {
    Authorization: `Bearer ${checkHeaderText(OWNER, 'bearerToken', bearerToken)}`,
    'X-Tenant-Id': checkHeaderText(OWNER, 'tenantId', tenantId),
  };
}

/** LangSmith's guide to its API asks for it on every request: docs.langchain.com/langsmith/manage-organization-by-api, 2026-12-01. */
function readOrganization({ organizationId }: LangsmithOptions): Record<string, string> {
  return organizationId === undefined
    ? {}
    : { 'X-Organization-Id': checkHeaderText(OWNER, 'organizationId', organizationId) };
}
