import type { DefinedScheme } from '@countersign/core';
import { type RotationVendor, vendors } from '@countersign/rotation';
import {
  ada,
  agentMessage,
  anchorBrowser,
  github,
  gitlab,
  langsmith,
  lemonSqueezy,
  linear,
  nylas,
  openai,
  polyai,
  wooCommerce,
} from '@countersign/schemes';
import {
  type AnySimulatedSender,
  type AttemptEvent,
  type RotationKind,
  simulateSender,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';

/** One webhook that is rotated in one way. */
export interface Case {
  readonly name: string;
  /** The order that the package chooses. */
  readonly order: string;
  readonly scheme: DefinedScheme;
  readonly kind: RotationKind;
  /** No delivery may need a retry: the new secret is published before it signs, or the old one signs on for a while. */
  readonly hasNoGap: boolean;
  start(options: StartOptions): Promise<AnySimulatedSender>;
  vendor(sender: AnySimulatedSender): RotationVendor;
}

/** What a sender is told. */
interface StartOptions {
  readonly receiverUrl: string;
  readonly onAttempt: (attempt: AttemptEvent) => void;
}

/**
 * The shortest first wait of the five vendors, so that a longer gap is visible. Later ones come soon enough for a measurement.
 */
const ATTEMPTS_AFTER_SECONDS = [0, 5, 5, 5, 5, 5, 5];

const sending = (options: StartOptions) => ({ ...options, attemptsAfterSeconds: ATTEMPTS_AFTER_SECONDS });

const signBySvix = (secret: string, id: string, at: Date, body: string): string =>
  new Webhook(secret).sign(id, at, body);

function agentMessageCase(kind: RotationKind): Case {
  return {
    name: `AgentMessage, ${kind === 'endpoint' ? 'endpoint' : 'organization'}`,
    order: 'announced',
    scheme: agentMessage(),
    kind,
    hasNoGap: false,
    start: (options) => simulateSender({ vendor: 'agentMessage', signedBy: kind, ...sending(options) }),
    vendor({ apiUrl: baseUrl, credentials: { apiKey, adminApiKey }, endpointId: webhookId }) {
      if (kind === 'organization') {
        return vendors.agentMessage({ baseUrl, rotates: 'organization', apiKey: adminApiKey });
      }
      return vendors.agentMessage({ baseUrl, rotates: 'endpoint', apiKey, webhookId });
    },
  };
}

function adaCase(key: 'custom' | 'generated'): Case {
  return {
    name: `Ada, ${key} key`,
    order: key === 'custom' ? '`next` first' : 'announced',
    scheme: ada(),
    kind: 'endpoint',
    hasNoGap: key === 'custom',
    // Ada does not say for how long a replaced secret signs on. Not at all is the hardest case.
    start: (options) =>
      simulateSender({ vendor: 'ada', signWith: signBySvix, graceSeconds: 0, ...sending(options) }),
    vendor: ({ apiUrl: baseUrl, credentials: { apiKey: token }, endpointId: webhookId }) =>
      vendors.ada({ baseUrl, token, webhookId, key }),
  };
}

function anchorCase(graceSigns: 'both' | 'old' | 'new', what: string): Case {
  return {
    name: `Anchor Browser, if ${what} in its 24 hours`,
    order: 'announced',
    scheme: anchorBrowser(),
    kind: 'endpoint',
    hasNoGap: graceSigns !== 'new',
    start: (options) => simulateSender({ vendor: 'anchorBrowser', graceSigns, ...sending(options) }),
    vendor: ({ apiUrl: baseUrl, credentials: { apiKey }, endpointId: webhookId }) =>
      vendors.anchorBrowser({ baseUrl, apiKey, webhookId }),
  };
}

/** Vendors that accept your own secret, and some that make one. */
const inPlaceCases: readonly Case[] = [
  {
    name: 'GitHub (never retries)',
    order: '`next` first',
    scheme: github(),
    kind: 'endpoint',
    hasNoGap: true,
    start: (options) => simulateSender({ vendor: 'github', ...options }),
    vendor: ({ apiUrl: baseUrl, credentials: { apiKey: token }, endpointId: hookId }) =>
      vendors.github({
        baseUrl,
        rotates: 'repository',
        owner: 'acme',
        repo: 'shop',
        hookId,
        token,
        ping: false,
      }),
  },
  {
    name: 'GitLab (no retries assumed)',
    order: '`next` first',
    scheme: gitlab(),
    kind: 'endpoint',
    hasNoGap: true,
    start: (options) => simulateSender({ vendor: 'gitlab', ...options }),
    vendor: ({ apiUrl, credentials: { apiKey: token }, endpointId: hookId }) =>
      vendors.gitlab({
        baseUrl: `${apiUrl}/api/v4`,
        rotates: 'project',
        project: 'acme/shop',
        hookId,
        token,
      }),
  },
  {
    name: 'Linear',
    order: '`next` first',
    scheme: linear(),
    kind: 'endpoint',
    hasNoGap: true,
    start: (options) => simulateSender({ vendor: 'linear', ...sending(options), retrySignature: 'renewed' }),
    vendor: ({ apiUrl: baseUrl, credentials: { apiKey }, endpointId: webhookId }) =>
      vendors.linear({ baseUrl, apiKey, webhookId }),
  },
  {
    name: 'Lemon Squeezy',
    order: '`next` first',
    scheme: lemonSqueezy(),
    kind: 'endpoint',
    hasNoGap: true,
    start: (options) => simulateSender({ vendor: 'lemonSqueezy', ...sending(options) }),
    vendor: ({ apiUrl: baseUrl, credentials: { apiKey }, endpointId: webhookId }) =>
      vendors.lemonSqueezy({ baseUrl, apiKey, webhookId }),
  },
  {
    name: 'WooCommerce (never retries)',
    order: '`next` first',
    scheme: wooCommerce(),
    kind: 'endpoint',
    hasNoGap: true,
    start: (options) => simulateSender({ vendor: 'wooCommerce', ...options }),
    vendor: ({ apiUrl: baseUrl, credentials, endpointId: webhookId }) =>
      vendors.wooCommerce({
        baseUrl,
        webhookId,
        consumerKey: credentials.apiKey,
        consumerSecret: credentials.apiSecret,
      }),
  },
  {
    name: 'Nylas',
    order: 'announced',
    scheme: nylas(),
    kind: 'endpoint',
    hasNoGap: false,
    start: (options) => simulateSender({ vendor: 'nylas', ...sending(options) }),
    vendor: ({ apiUrl: baseUrl, credentials: { apiKey }, endpointId: webhookId }) =>
      vendors.nylas({ baseUrl, apiKey, webhookId }),
  },
  {
    name: 'OpenAI, if both secrets sign in its 24 hours',
    order: 'announced',
    scheme: openai(),
    kind: 'endpoint',
    hasNoGap: true,
    start: (options) => simulateSender({ vendor: 'openai', ...sending(options) }),
    vendor: ({ apiUrl, credentials: { apiKey }, endpointId: webhookEndpointId }) =>
      vendors.openai({ baseUrl: `${apiUrl}/v1`, apiKey, webhookEndpointId }),
  },
];

export const cases: readonly Case[] = [
  {
    name: 'LangSmith',
    order: 'announced',
    scheme: langsmith(),
    kind: 'endpoint',
    hasNoGap: false,
    start: (options) => simulateSender({ vendor: 'langsmith', ...sending(options) }),
    vendor: ({ apiUrl: baseUrl, credentials: { apiKey, tenantId }, endpointId, account }) =>
      vendors.langsmith({
        baseUrl,
        apiKey,
        tenantId,
        webhookId: endpointId,
        sessionId: account.sessionId ?? '',
      }),
  },
  agentMessageCase('endpoint'),
  agentMessageCase('organization'),
  {
    name: 'PolyAI',
    order: 'announced',
    scheme: polyai(),
    kind: 'endpoint',
    hasNoGap: false,
    start: (options) => simulateSender({ vendor: 'polyai', ...sending(options) }),
    vendor: ({ apiUrl: baseUrl, credentials: { apiKey }, endpointId }) =>
      vendors.polyai({ baseUrl, apiKey, endpointId }),
  },
  adaCase('generated'),
  adaCase('custom'),
  anchorCase('both', 'both secrets sign'),
  anchorCase('old', 'the old secret signs'),
  anchorCase('new', 'the new secret signs'),
  ...inPlaceCases,
];
