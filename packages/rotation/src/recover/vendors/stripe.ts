import { createHmac } from 'node:crypto';
import type { SecretProvider } from '@countersign/core';
import { configError } from '@countersign/core/extend';
import { checkPathPart } from '../../options.ts';
import { answerInvalid, fieldOf } from '../failures.ts';
import { RecoveryError } from '../recovery-error.ts';
import type { MissedDelivery, RecoveryVendor } from '../recovery-vendor.ts';
import { currentSecret } from '../signing-secret.ts';
import type { VendorSession } from '../vendor-session.ts';
import { type Credential, type RecoverableOptions, readCredential, readSource } from './source-options.ts';

/** Options of `recoverable.stripe()`. */
export interface StripeSourceOptions extends RecoverableOptions {
  /** The webhook endpoint, `we_…`. */
  endpointId: string;
  /** A restricted key (`rk_…`) with "Events: Read" and "Webhook Endpoints: Read", or a secret key. */
  apiKey: Credential;
  /** Where your receivers load the signing secret of this endpoint: `fileSecrets(path)`, or the secret itself. */
  secrets: string | SecretProvider | undefined;
  /** Only events of these types. Default: those to which the endpoint subscribes. */
  types?: readonly string[];
}

const OWNER = 'recoverable.stripe()';
const NAME = 'stripe';
const DAY_SECONDS = 86_400;
const LIMIT = '100';
/** Stripe accepts this many in `types[]`. With more, the list is filtered here. */
const MOST_TYPES = 20;

/**
 * A webhook endpoint at Stripe. Stripe retries for three days, and its API returns events of the last 30 days.
 *
 * Stripe's API has no documented call that sends an event to an endpoint again. So the event is read from the API, signed with the
 * current secret as Stripe signs it, and sent to your receiver (`to`). Nothing in the receiver changes: it checks the signature and
 * the time, and it remembers the event by its id, which is in the signed body. So a retry of Stripe that comes before or after
 * counts as a duplicate. The secret is one that the machine on which you rotate has anyway.
 *
 * An event that another endpoint has not got is listed too. If your receiver has handled it, it counts as a duplicate.
 *
 * From (2026-12-01):
 * - https://docs.stripe.com/webhooks/process-undelivered-events: `delivery_success=false`, 30 days.
 * - https://docs.stripe.com/api/events/list: pages of 100 with `starting_after`, newest first, `created[gte]`, `types[]` (at most
 *   20); an event is rendered in the version of the API that the account had when it was made.
 * - https://docs.stripe.com/api/events/object: `pending_webhooks`, how many endpoints have not got the event yet.
 * - https://docs.stripe.com/api/webhook_endpoints/object: `enabled_events`, `api_version`.
 * - https://github.com/stripe/stripe-cli, pkg/cmd/resource/events_resend.go: `stripe events resend` calls
 *   `POST /v1/events/{id}/retry`, which the API's reference does not list. It is not used here.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * recoverable.stripe({ endpointId: 'we_1Nx', apiKey: process.env.STRIPE_KEY, secrets: fileSecrets('/run/secrets/stripe.json') })
 * ```
 */
export function stripe(given: StripeSourceOptions): RecoveryVendor {
  const { options, source } = readSource(OWNER, given, {
    known: ['endpointId', 'apiKey', 'secrets', 'types'],
    baseUrl: 'https://api.stripe.com',
  });
  const endpointId = checkPathPart(OWNER, 'endpointId', options.endpointId);
  const headers = readCredential(OWNER, 'apiKey', options.apiKey);
  const types = readTypes(options.types);
  const { secrets } = options;
  checkSecrets(secrets);
  let endpointVersion: string | undefined;

  async function wantedTypes(session: VendorSession): Promise<readonly string[]> {
    const endpoint = (await session.page(`/v1/webhook_endpoints/${endpointId}`)).json();
    const version = fieldOf(endpoint, 'api_version');
    endpointVersion = typeof version === 'string' ? version : undefined;
    const enabled: unknown = fieldOf(endpoint, 'enabled_events');
    if (!Array.isArray(enabled)) throw answerInvalid(NAME);
    const subscribed = enabled.filter((type): type is string => typeof type === 'string');
    return types ?? (subscribed.includes('*') ? [] : subscribed);
  }

  return {
    name: NAME,
    endpointId,
    keptSeconds: 30 * DAY_SECONDS,
    rememberSeconds: 3 * DAY_SECONDS,
    paceSeconds: 0,
    ...source,
    headers,
    permissions: {
      list: '"Events: Read" and "Webhook Endpoints: Read"',
      resend: '"Events: Read"',
    },
    resendCall: `GET ${source.baseUrl}/v1/events/{id}`,
    async list({ since, until }, session) {
      const wanted = await wantedTypes(session);
      const missed: MissedDelivery[] = [];
      let after: string | undefined;
      do {
        const query = new URLSearchParams({
          delivery_success: 'false',
          limit: LIMIT,
          'created[gte]': seconds(since),
          'created[lte]': seconds(until),
        });
        if (wanted.length <= MOST_TYPES) for (const type of wanted) query.append('types[]', type);
        if (after !== undefined) query.set('starting_after', after);
        const page = (await session.page('/v1/events', query)).json();
        const events = eventsIn(page);
        for (const event of events)
          if (wanted.length === 0 || wanted.includes(event.type)) missed.push(event);
        after = fieldOf(page, 'has_more') === true ? events.at(-1)?.id : undefined;
      } while (after !== undefined);
      return missed;
    },
    async fetchRequest({ id }, session) {
      const answer = await session.read(`/v1/events/${encodeURIComponent(id)}`);
      const event = answer.json();
      if (fieldOf(event, 'id') !== id) throw answerInvalid(NAME);
      if (fieldOf(event, 'pending_webhooks') === 0) return undefined;
      checkVersion(fieldOf(event, 'api_version'), endpointVersion, { id, endpointId });
      const secret = await currentSecret(secrets, session.now());
      const at = Math.floor(session.now() / 1000);
      const signature = createHmac('sha256', secret).update(`${at}.${answer.text}`).digest('hex');
      return {
        headers: {
          'Content-Type': 'application/json; charset=utf-8',
          'Stripe-Signature': `t=${at},v1=${signature}`,
        },
        body: answer.text,
      };
    },
  };
}

/** An endpoint with a version of its own gets other fields than the API returns: the handler could misread them. */
function checkVersion(
  version: unknown,
  expected: string | undefined,
  { id, endpointId }: { id: string; endpointId: string },
): void {
  if (expected === undefined || version === expected) return;
  throw new RecoveryError(
    'ERR_RECOVERY_REFUSED',
    `Stripe's API returns ${id} in version ${typeof version === 'string' ? version : 'unknown'}, but the endpoint gets version ${expected}.`,
    { todo: `Have Stripe send it: stripe events resend ${id} --webhook-endpoint=${endpointId}` },
  );
}

function eventsIn(page: unknown): (MissedDelivery & { readonly type: string })[] {
  const data: unknown = fieldOf(page, 'data');
  if (!Array.isArray(data)) throw answerInvalid(NAME);
  return data.map((event: unknown) => {
    const [id, type, created] = ['id', 'type', 'created'].map((name) => fieldOf(event, name));
    if (typeof id !== 'string' || typeof type !== 'string' || typeof created !== 'number') {
      throw answerInvalid(NAME);
    }
    return { id, type, createdAt: new Date(created * 1000) };
  });
}

function readTypes(types: unknown): readonly string[] | undefined {
  if (types === undefined) return undefined;
  const valid = Array.isArray(types) && types.length > 0 && types.every((type) => /^[a-z0-9_.]+$/.test(type));
  if (!valid) throw configError(`"types" of ${OWNER} must be a list of event types, such as "invoice.paid".`);
  return types;
}

function checkSecrets(secrets: StripeSourceOptions['secrets']): asserts secrets is string | SecretProvider {
  if (typeof secrets === 'string' && secrets !== '') return;
  if (typeof secrets === 'object' && typeof secrets.load === 'function') return;
  throw configError(
    `"secrets" of ${OWNER} must be the source from which your receivers load the signing secret, for example fileSecrets(path).`,
  );
}

function seconds(date: Date): string {
  return String(Math.floor(date.getTime() / 1000));
}
