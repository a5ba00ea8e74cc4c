import type { DefinedScheme } from '@countersign/core';
import { type RotateOptions, vendors } from '@countersign/rotation';
import { agentMessage, resend, stripe, svix } from '@countersign/schemes';
import {
  agentMessageEndpoints,
  type EndpointVendor,
  resendWebhook,
  type SimulatedEndpoints,
  SVIX_APPLICATION,
  stripeEndpoints,
  svixEndpoint,
} from '@countersign-internal/simulator';

/** The webhooks whose simulated accounts can have several endpoints, and those that are built on Svix. */
export type EndpointWebhookName = 'stripe' | 'agentMessage' | 'svix' | 'resend';

/** Everything that a rotation in another process needs. */
export interface EndpointAccess {
  readonly name: EndpointWebhookName;
  readonly apiUrl: string;
  readonly endpointId: string;
  readonly apiKey: string;
}

export function accountOf(name: EndpointWebhookName): EndpointVendor {
  const accounts = {
    stripe: stripeEndpoints,
    agentMessage: agentMessageEndpoints,
    svix: svixEndpoint,
    resend: resendWebhook,
  };
  return accounts[name]();
}

export function endpointAccess(name: EndpointWebhookName, account: SimulatedEndpoints): EndpointAccess {
  const { apiUrl, firstId: endpointId, credentials } = account;
  const { apiKey } = credentials;
  return { name, apiUrl, endpointId, apiKey };
}

/** The vendor as the package drives it, over HTTP to the simulated account. */
export function endpointVendor({
  name,
  apiUrl: baseUrl,
  endpointId,
  apiKey,
}: EndpointAccess): RotateOptions['vendor'] {
  switch (name) {
    case 'stripe':
      return vendors.stripe({ baseUrl, endpointId, apiKey, connect: false });
    case 'agentMessage':
      return vendors.agentMessage({
        baseUrl,
        rotates: 'endpoint',
        strategy: 'replace',
        webhookId: endpointId,
        apiKey,
      });
    case 'svix':
      return vendors.svix({ baseUrl, appId: SVIX_APPLICATION, endpointId, token: apiKey });
    case 'resend':
      return vendors.resend({ baseUrl, webhookId: endpointId, apiKey });
  }
}

export function endpointScheme(name: EndpointWebhookName): DefinedScheme {
  return { agentMessage, resend, stripe, svix }[name]();
}
