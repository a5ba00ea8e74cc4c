import { checkPathPart } from '../../options.ts';
import { answerInvalid, fieldOf } from '../failures.ts';
import type { MissedDelivery, RecoveryVendor } from '../recovery-vendor.ts';
import { type Credential, type RecoverableOptions, readCredential, readSource } from './source-options.ts';

/** Options of `recoverable.svix()`. */
export interface SvixSourceOptions extends RecoverableOptions {
  /** The application at Svix, `app_…`, or its uid. */
  appId: string;
  /** The endpoint, `ep_…`, or its uid. */
  endpointId: string;
  /** An API key of the environment. Its ending names the region: `….eu`. */
  apiKey: Credential;
}

const OWNER = 'recoverable.svix()';
const NAME = 'svix';
const DAY_SECONDS = 86_400;
const LIMIT = '250';
/** Status of a message: all attempts have failed. */
const FAILED = '2';

/**
 * An endpoint at Svix, or at a self-hosted Svix server. Messages of which the last attempt failed are sent again by Svix, with the
 * same id, so a message that your receiver has handled counts as a duplicate.
 *
 * Each message is asked for by itself, and not with the call that recovers a whole span: so the journal knows what was sent, and
 * messages that your receiver may have forgotten are left out.
 *
 * From (2026-12-01):
 * - https://api.svix.com/docs: "List Attempted Messages" (`status`, `after`, `before`, `limit` up to 250, `iterator`, `done`), "Resend
 *   Webhook" (202), the header `idempotency-key`.
 * - https://docs.svix.com/retries: the last attempt is made 27.6 hours after the first.
 * - https://github.com/svix/svix-webhooks, server/svix-server/src/v1/endpoints/attempt.rs.
 *
 * Assumption: messages are kept for 90 days, the span that lists cover unless they are asked for another.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * recoverable.svix({ appId: 'app_2f1', endpointId: 'ep_7b9', apiKey: process.env.SVIX_API_KEY })
 * ```
 */
export function svix(given: SvixSourceOptions): RecoveryVendor {
  const { options, source } = readSource(OWNER, given, {
    known: ['appId', 'endpointId', 'apiKey'],
    baseUrl: regionOf(given?.apiKey),
  });
  const appId = checkPathPart(OWNER, 'appId', options.appId);
  const endpointId = checkPathPart(OWNER, 'endpointId', options.endpointId);
  const app = `/api/v1/app/${appId}`;
  const permission = 'an API key of the environment to which the application belongs';
  return {
    name: NAME,
    endpointId: `${appId}/${endpointId}`,
    keptSeconds: 90 * DAY_SECONDS,
    rememberSeconds: 99_305,
    paceSeconds: 0,
    ...source,
    headers: readCredential(OWNER, 'apiKey', options.apiKey),
    permissions: { list: permission, resend: permission },
    resendCall: `POST ${source.baseUrl}${app}/msg/{id}/endpoint/${endpointId}/resend`,
    async list({ since, until }, session) {
      const missed: MissedDelivery[] = [];
      let iterator: string | undefined;
      do {
        const query = new URLSearchParams({
          status: FAILED,
          after: since.toISOString(),
          before: until.toISOString(),
          limit: LIMIT,
          with_content: 'false',
        });
        if (iterator !== undefined) query.set('iterator', iterator);
        const page = (await session.page(`${app}/endpoint/${endpointId}/msg`, query)).json();
        missed.push(...messagesIn(page));
        const next = fieldOf(page, 'iterator');
        iterator = fieldOf(page, 'done') === false && typeof next === 'string' ? next : undefined;
      } while (iterator !== undefined);
      return missed;
    },
    async resend({ id }, session, key) {
      const path = `${app}/msg/${encodeURIComponent(id)}/endpoint/${endpointId}/resend`;
      await session.change(path, { 'Idempotency-Key': key });
    },
  };
}

function messagesIn(page: unknown): MissedDelivery[] {
  const data: unknown = fieldOf(page, 'data');
  if (!Array.isArray(data)) throw answerInvalid(NAME);
  return data.map((message: unknown) => {
    const [id, type, at] = ['id', 'eventType', 'timestamp'].map((name) => fieldOf(message, name));
    const createdAt = typeof at === 'string' ? new Date(at) : undefined;
    if (typeof id !== 'string' || createdAt === undefined || Number.isNaN(createdAt.getTime())) {
      throw answerInvalid(NAME);
    }
    return { id, type: typeof type === 'string' ? type : undefined, createdAt };
  });
}

function regionOf(apiKey: Credential): string {
  const region = typeof apiKey === 'string' ? /\.(us|eu|in|ca|au)$/.exec(apiKey)?.[1] : undefined;
  return region === undefined ? 'https://api.svix.com' : `https://api.${region}.svix.com`;
}
