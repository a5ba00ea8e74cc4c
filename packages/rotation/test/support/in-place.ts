import type { DefinedScheme } from '@countersign/core';
import { type RotationVendor, vendors } from '@countersign/rotation';
import * as schemes from '@countersign/schemes';
import {
  type CommonSenderOptions,
  type InPlaceVendorName,
  type InPlaceVendorOptions,
  type SimulatedSender,
  simulateSender,
} from '@countersign-internal/simulator';

/** What a rotation in another process needs to know about a simulated account. */
export interface InPlaceAccess {
  readonly name: InPlaceName;
  readonly apiUrl: string;
  readonly endpointId: string;
  readonly apiKey: string;
  readonly privateKey?: string;
  readonly apiSecret?: string;
}

/** One webhook that is rotated in place. */
interface InPlaceWebhook {
  readonly simulated: InPlaceVendorOptions;
  readonly scheme: () => DefinedScheme;
  /** The new secret is published before it signs. */
  readonly isOwn: boolean;
  /** The vendor returns the secret that signs. */
  readonly isReadable: boolean;
  /** What a read-only credential looks like; none if the simulation has none. */
  readonly lesser?: (apiKey: string) => string;
  readonly vendor: (access: InPlaceAccess) => RotationVendor;
}

const own = { isOwn: true, isReadable: false } as const;
const made = { isOwn: false, isReadable: false } as const;
const gitlabApi = ({ apiUrl }: InPlaceAccess) => `${apiUrl}/api/v4`;

export const IN_PLACE = {
  'github repository': {
    ...own,
    simulated: { vendor: 'github', hook: 'repository' },
    scheme: schemes.github,
    lesser: () => 'ghp_0123456789',
    vendor: ({ apiUrl: baseUrl, endpointId: hookId, apiKey: token }) =>
      vendors.github({ baseUrl, rotates: 'repository', owner: 'acme', repo: 'shop', hookId, token }),
  },
  'github organization': {
    ...own,
    simulated: { vendor: 'github', hook: 'organization' },
    scheme: schemes.github,
    vendor: ({ apiUrl: baseUrl, endpointId: hookId, apiKey: token }) =>
      vendors.github({ baseUrl, rotates: 'organization', org: 'acme', hookId, token }),
  },
  'github app': {
    ...own,
    simulated: { vendor: 'github', hook: 'app' },
    scheme: schemes.github,
    vendor: ({ apiUrl: baseUrl, apiKey: clientId, privateKey }) =>
      vendors.github({ baseUrl, rotates: 'app', clientId, privateKey }),
  },
  'gitlab project': {
    ...own,
    simulated: { vendor: 'gitlab', hook: 'project' },
    scheme: schemes.gitlab,
    lesser: (apiKey) => `${apiKey}-read`,
    vendor: (access) =>
      vendors.gitlab({
        baseUrl: gitlabApi(access),
        rotates: 'project',
        project: 'acme/shop',
        hookId: access.endpointId,
        token: access.apiKey,
      }),
  },
  'gitlab group token': {
    ...own,
    simulated: { vendor: 'gitlab', hook: 'group', secret: 'secret-token' },
    scheme: schemes.gitlabToken,
    vendor: (access) =>
      vendors.gitlab({
        baseUrl: gitlabApi(access),
        rotates: 'group',
        group: 'acme',
        hookId: access.endpointId,
        token: access.apiKey,
        secret: 'secret-token',
      }),
  },
  'linear custom': {
    isOwn: true,
    isReadable: true,
    simulated: { vendor: 'linear' },
    scheme: schemes.linear,
    lesser: (apiKey) => `${apiKey}-member`,
    vendor: ({ apiUrl: baseUrl, endpointId: webhookId, apiKey }) =>
      vendors.linear({ baseUrl, webhookId, apiKey }),
  },
  'linear generated': {
    isOwn: false,
    isReadable: true,
    simulated: { vendor: 'linear' },
    scheme: schemes.linear,
    vendor: ({ apiUrl: baseUrl, endpointId: webhookId, apiKey }) =>
      vendors.linear({ baseUrl, webhookId, apiKey, key: 'generated' }),
  },
  nylas: {
    ...made,
    simulated: { vendor: 'nylas' },
    scheme: schemes.nylas,
    vendor: ({ apiUrl: baseUrl, endpointId: webhookId, apiKey }) =>
      vendors.nylas({ baseUrl, webhookId, apiKey }),
  },
  openai: {
    ...made,
    simulated: { vendor: 'openai' },
    scheme: schemes.openai,
    vendor: ({ apiUrl, endpointId: webhookEndpointId, apiKey }) =>
      vendors.openai({ baseUrl: `${apiUrl}/v1`, webhookEndpointId, apiKey }),
  },
  lemonSqueezy: {
    ...own,
    simulated: { vendor: 'lemonSqueezy' },
    scheme: schemes.lemonSqueezy,
    vendor: ({ apiUrl: baseUrl, endpointId: webhookId, apiKey }) =>
      vendors.lemonSqueezy({ baseUrl, webhookId, apiKey }),
  },
  wooCommerce: {
    ...own,
    simulated: { vendor: 'wooCommerce' },
    scheme: schemes.wooCommerce,
    lesser: (apiKey) => `${apiKey}-read`,
    vendor: ({ apiUrl: baseUrl, endpointId: webhookId, apiKey: consumerKey, apiSecret: consumerSecret }) =>
      vendors.wooCommerce({ baseUrl, webhookId, consumerKey, consumerSecret }),
  },
} satisfies Record<string, InPlaceWebhookRow>;

type InPlaceWebhookRow = Omit<InPlaceWebhook, 'vendor'> & { vendor(access: InPlaceAccess): RotationVendor };
export type InPlaceName = keyof typeof IN_PLACE;
export const IN_PLACE_NAMES = Object.keys(IN_PLACE) as InPlaceName[];

/** A row, typed alike for every name. */
export function inPlace(name: InPlaceName): InPlaceWebhook {
  return IN_PLACE[name];
}

export type InPlaceSender = SimulatedSender<InPlaceVendorName>;

/** A simulated account with one webhook. */
export function startInPlace(
  name: InPlaceName,
  options: Partial<CommonSenderOptions> = {},
): Promise<InPlaceSender> {
  const receiverUrl = options.receiverUrl ?? 'http://127.0.0.1:9/hooks';
  return simulateSender({ ...inPlace(name).simulated, ...options, receiverUrl });
}

export function accessInPlace(
  name: InPlaceName,
  { apiUrl, endpointId, credentials }: InPlaceSender,
): InPlaceAccess {
  const { apiKey, privateKey, apiSecret } = credentials;
  return {
    name,
    apiUrl,
    endpointId,
    apiKey,
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(apiSecret === undefined ? {} : { apiSecret }),
  };
}
