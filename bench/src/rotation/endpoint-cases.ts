import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import type { DefinedScheme } from '@countersign/core';
import { type Ask, guided, type RotateOptions, vendors } from '@countersign/rotation';
import { agentMessage, resend, shopify, slack, stripe, svix } from '@countersign/schemes';
import {
  agentMessageEndpoints,
  type EndpointVendor,
  resendWebhook,
  type SimulatedEndpoints,
  SVIX_APPLICATION,
  stripeEndpoints,
  svixEndpoint,
} from '@countersign-internal/simulator';

/** One webhook that is rotated in one way, at an account that can have several endpoints or that only a person can change. */
export interface EndpointCase {
  readonly name: string;
  readonly strategy: string;
  readonly scheme: DefinedScheme;
  /** No event may wait for a retry. */
  readonly hasNoGap: boolean;
  account(): EndpointVendor;
  vendor(account: SimulatedEndpoints): RotateOptions['vendor'];
}

/** How long the simulated person takes for a step. */
export const PERSON_MS = 5000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A vendor of which only a page exists: nothing but a person changes its secret. */
function page(own: Pick<EndpointVendor, 'newEvent' | 'digest' | 'headers'>): EndpointVendor {
  return {
    ...own,
    credentials: { apiKey: '', otherKey: '' },
    delivery: {
      successBelow: 300,
      retried: 'any-failure',
      attemptsAfterSeconds: [0],
      timeoutSeconds: 10,
      retrySignature: 'renewed',
    },
    firstEndpoint: (url) => ({ id: 'page', secret: newSecret(), url, isEnabled: true, fields: {} }),
    routes: () => [],
    errorBody: () => undefined,
  };
}

const newSecret = (): string => randomBytes(16).toString('hex');

const newEvent: EndpointVendor['newEvent'] = ({ sequence }) => {
  const id = randomUUID();
  return { id, type: 'event', sequence, body: Buffer.from(JSON.stringify({ event_id: id, sequence })) };
};

/** The person makes the new secret when asked for it, and switches over when asked to. */
function person(account: SimulatedEndpoints, order: 'at-once' | 'shown-first'): Ask {
  let made = '';
  const sign = (): void => {
    const [first] = account.endpoints();
    if (first !== undefined) account.add({ ...first, secret: made });
  };
  return async ({ kind }) => {
    if (kind === 'choice') return 'wait';
    if (kind === 'secret') made = newSecret();
    if (kind === 'done' || order === 'at-once') sign();
    await pause(PERSON_MS);
    return kind === 'secret' ? made : 'done';
  };
}

export const endpointCases: readonly EndpointCase[] = [
  {
    name: 'Stripe',
    strategy: 'replace',
    scheme: stripe(),
    hasNoGap: true,
    account: stripeEndpoints,
    vendor: ({ apiUrl: baseUrl, firstId: endpointId, credentials: { apiKey } }) =>
      vendors.stripe({ baseUrl, endpointId, apiKey, connect: false }),
  },
  {
    name: 'AgentMessage, endpoint',
    strategy: 'replace',
    scheme: agentMessage(),
    hasNoGap: true,
    account: agentMessageEndpoints,
    vendor: ({ apiUrl: baseUrl, firstId: webhookId, credentials: { apiKey } }) =>
      vendors.agentMessage({ baseUrl, rotates: 'endpoint', strategy: 'replace', webhookId, apiKey }),
  },
  {
    name: 'Svix',
    strategy: 'in place, `next` first',
    scheme: svix(),
    hasNoGap: true,
    account: svixEndpoint,
    vendor: ({ apiUrl: baseUrl, firstId: endpointId, credentials: { apiKey: token } }) =>
      vendors.svix({ baseUrl, appId: SVIX_APPLICATION, endpointId, token }),
  },
  {
    name: 'Resend',
    strategy: 'in place, announced',
    scheme: resend(),
    hasNoGap: true,
    account: resendWebhook,
    vendor: ({ apiUrl: baseUrl, firstId: webhookId, credentials: { apiKey } }) =>
      vendors.resend({ baseUrl, webhookId, apiKey }),
  },
  {
    name: 'Shopify',
    strategy: 'guided, shown first',
    scheme: shopify(),
    hasNoGap: true,
    account: () =>
      page({
        newEvent,
        digest: (secret, { body }) => createHmac('sha256', secret).update(body).digest('base64'),
        headers: (_event, _seconds, digests) => ({ 'X-Shopify-Hmac-SHA256': digests.join() }),
      }),
    vendor: (account) => guided({ sender: 'shopify', ask: person(account, 'shown-first') }),
  },
  {
    name: 'Slack',
    strategy: 'guided, at once',
    scheme: slack(),
    hasNoGap: false,
    account: () =>
      page({
        newEvent,
        digest: (secret, { body }, seconds) =>
          createHmac('sha256', secret).update(`v0:${seconds}:`).update(body).digest('hex'),
        headers: (_event, seconds, digests) => ({
          'X-Slack-Request-Timestamp': String(seconds),
          'X-Slack-Signature': `v0=${digests.join()}`,
        }),
      }),
    vendor: (account) => guided({ sender: 'slack', ask: person(account, 'at-once') }),
  },
];
