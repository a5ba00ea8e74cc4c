import type { DefinedScheme } from '@countersign/core';
import { type RotationVendor, vendors } from '@countersign/rotation';
import * as schemes from '@countersign/schemes';
import {
  type CommonSenderOptions,
  type SimulatedSender,
  simulateSender,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';

/** The webhooks that are rotated in tests: the five vendors, two of them in two ways. */
export const WEBHOOKS = [
  'langsmith',
  'agentMessage endpoint',
  'agentMessage organization',
  'polyai',
  'ada custom',
  'ada generated',
  'anchorBrowser',
] as const;
export type WebhookName = (typeof WEBHOOKS)[number];

/** What differs from the webhook as it is: wrong ids and credentials. */
export interface Overrides {
  apiKey?: string;
  id?: string;
  sessionId?: string;
  tenantId?: string;
}

/** A simulated account with one endpoint. */
export function startSender(
  name: WebhookName,
  options: Partial<CommonSenderOptions> & { graceSigns?: 'both' | 'old' | 'new' } = {},
): Promise<SimulatedSender> {
  const { graceSigns = 'both', ...rest } = options;
  const common = { receiverUrl: 'http://127.0.0.1:9/hooks', ...rest };
  switch (name) {
    case 'langsmith':
    case 'polyai':
      return simulateSender({ vendor: name, ...common });
    case 'agentMessage endpoint':
      return simulateSender({ vendor: 'agentMessage', signedBy: 'endpoint', ...common });
    case 'agentMessage organization':
      return simulateSender({ vendor: 'agentMessage', signedBy: 'organization', ...common });
    case 'ada custom':
    case 'ada generated':
      // Not at all beside the new one: the hardest case for a receiver.
      return simulateSender({ vendor: 'ada', graceSeconds: 0, signWith: signBySvix, ...common });
    case 'anchorBrowser':
      return simulateSender({ vendor: 'anchorBrowser', graceSigns, ...common });
  }
}

function signBySvix(secret: string, id: string, at: Date, body: string): string {
  return new Webhook(secret).sign(id, at, body);
}

/** Everything of a simulated account that a rotation in another process needs. */
export interface WebhookAccess {
  readonly name: WebhookName;
  readonly apiUrl: string;
  readonly endpointId: string;
  readonly sessionId: string;
  readonly apiKey: string;
  readonly adminApiKey: string;
  readonly tenantId: string;
}

export function accessTo(name: WebhookName, sender: SimulatedSender): WebhookAccess {
  const { apiKey, adminApiKey = '', tenantId = '' } = sender.credentials;
  const { apiUrl, endpointId, account } = sender;
  return { name, apiUrl, endpointId, sessionId: account.sessionId ?? '', apiKey, adminApiKey, tenantId };
}

/** The vendor as the package drives it, over HTTP to the simulated account. */
export function vendorOf(access: WebhookAccess, overrides: Overrides = {}): RotationVendor {
  const { name, apiUrl: baseUrl } = access;
  const apiKey = overrides.apiKey ?? access.apiKey;
  const webhookId = overrides.id ?? access.endpointId;
  switch (name) {
    case 'langsmith':
      return vendors.langsmith({
        baseUrl,
        apiKey,
        webhookId,
        sessionId: overrides.sessionId ?? access.sessionId,
        tenantId: overrides.tenantId ?? access.tenantId,
      });
    case 'polyai':
      return vendors.polyai({ baseUrl, apiKey, endpointId: webhookId });
    case 'agentMessage endpoint':
      return vendors.agentMessage({ baseUrl, apiKey, webhookId, rotates: 'endpoint' });
    case 'agentMessage organization':
      return vendors.agentMessage({
        baseUrl,
        apiKey: overrides.apiKey ?? access.adminApiKey,
        rotates: 'organization',
      });
    case 'ada custom':
    case 'ada generated':
      return vendors.ada({
        baseUrl,
        token: apiKey,
        webhookId,
        key: name === 'ada custom' ? 'custom' : 'generated',
      });
    case 'anchorBrowser':
      return vendors.anchorBrowser({ baseUrl, apiKey, webhookId });
  }
}

/** The scheme that receivers of these deliveries use. */
export function schemeOf(name: WebhookName): DefinedScheme {
  const [vendor = ''] = name.split(' ');
  const factories: Record<string, () => DefinedScheme> = schemes;
  const make = factories[vendor];
  if (make === undefined) throw new Error(`no scheme for ${name}`);
  return make();
}

/** The secret that is rotated, as the account has it now. */
export function secretAt(name: WebhookName, sender: SimulatedSender): string {
  const { endpoint, organization = '' } = sender.secrets();
  return name === 'agentMessage organization' ? organization : endpoint;
}

/** The set that receivers have before the first rotation. */
export function firstSet(name: WebhookName, sender: SimulatedSender): { current: string | string[] } {
  const { endpoint, organization = '' } = sender.secrets();
  return { current: name.startsWith('agentMessage') ? [endpoint, organization] : endpoint };
}

/** Which place of `current` the rotated secret has, if there are two. */
export function placeOf(name: WebhookName): { replaces?: number } {
  if (!name.startsWith('agentMessage')) return {};
  return { replaces: name === 'agentMessage endpoint' ? 0 : 1 };
}
