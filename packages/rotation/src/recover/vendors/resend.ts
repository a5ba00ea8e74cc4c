import { checkPathPart } from '../../options.ts';
import { answerInvalid, fieldOf } from '../failures.ts';
import type { MissedDelivery, RecoveryVendor } from '../recovery-vendor.ts';
import { type Credential, type RecoverableOptions, readCredential, readSource } from './source-options.ts';

/** Options of `recoverable.resend()`. */
export interface ResendSourceOptions extends RecoverableOptions {
  /** The id of the webhook. */
  webhookId: string;
  /** With full access. */
  apiKey: Credential;
}

const OWNER = 'recoverable.resend()';
const NAME = 'resend';
const DAY_SECONDS = 86_400;
const LIMIT = '100';

/**
 * A webhook at Resend. Events with the status `failed` are replayed by Resend, with the same id, so an event that your receiver has
 * handled counts as a duplicate.
 *
 * From (2026-12-01):
 * - https://resend.com/docs/api-reference/webhooks/list-events: newest first, pages of 100 with `after`, the status `success`,
 *   `failed`, `attempting` or `pending`.
 * - https://resend.com/docs/api-reference/webhooks/replay-event: one more delivery at once.
 * - https://resend.com/docs/webhooks/retries-and-replays: the last attempt is made 27.6 hours after the first.
 * - https://resend.com/docs/api-reference: two calls a second; `ratelimit-*` and `retry-after`.
 *
 * Assumptions: events are kept for 30 days, which Resend does not document; a refusal for lack of rights has the name
 * `restricted_api_key`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * recoverable.resend({ webhookId: '4dd369bc-aa82-4ff3-97de-514ae3000ee0', apiKey: process.env.RESEND_API_KEY })
 * ```
 */
export function resend(given: ResendSourceOptions): RecoveryVendor {
  const { options, source } = readSource(OWNER, given, {
    known: ['webhookId', 'apiKey'],
    baseUrl: 'https://api.resend.com',
  });
  const webhookId = checkPathPart(OWNER, 'webhookId', options.webhookId);
  const path = `/webhooks/${webhookId}/events`;
  return {
    name: NAME,
    endpointId: webhookId,
    keptSeconds: 30 * DAY_SECONDS,
    rememberSeconds: 99_305,
    paceSeconds: 0.5,
    ...source,
    headers: readCredential(OWNER, 'apiKey', options.apiKey),
    permissions: { list: 'an API key with full access', resend: 'an API key with full access' },
    resendCall: `POST ${source.baseUrl}${path}/{id}/replay`,
    async list({ since, until }, session) {
      const missed: MissedDelivery[] = [];
      let after: string | undefined;
      do {
        const query = new URLSearchParams({ limit: LIMIT });
        if (after !== undefined) query.set('after', after);
        const page = (await session.page(path, query)).json();
        const events = eventsIn(page);
        for (const { createdAt, failed, id, type } of events) {
          if (failed && createdAt >= since && createdAt <= until) missed.push({ id, type, createdAt });
        }
        const oldest = events.at(-1);
        const isBefore = oldest === undefined || oldest.createdAt < since;
        after = !isBefore && fieldOf(page, 'has_more') === true ? oldest.id : undefined;
      } while (after !== undefined);
      return missed;
    },
    async resend({ id }, session) {
      await session.change(`${path}/${encodeURIComponent(id)}/replay`);
    },
  };
}

function eventsIn(page: unknown): (MissedDelivery & { readonly failed: boolean })[] {
  const data: unknown = fieldOf(page, 'data');
  if (!Array.isArray(data)) throw answerInvalid(NAME);
  return data.map((event: unknown) => {
    const [id, type, at, status] = ['id', 'type', 'created_at', 'status'].map((name) => fieldOf(event, name));
    const createdAt = typeof at === 'string' ? new Date(at) : undefined;
    if (typeof id !== 'string' || createdAt === undefined || Number.isNaN(createdAt.getTime())) {
      throw answerInvalid(NAME);
    }
    return { id, type: typeof type === 'string' ? type : undefined, createdAt, failed: status === 'failed' };
  });
}
