import { configError } from '@countersign/core/extend';
import { checkHeaderText, checkPathPart } from '../options.ts';
import { type EndpointCalls, type ReplaceVendor, type VendorCall, VendorError } from '../vendor.ts';
import { readApi, type VendorApiOptions } from './api-options.ts';
import { callVendor, objectField, textField, type VendorApi } from './http.ts';

// Sources, read on 2026-12-01: https://docs.stripe.com/api/webhook_endpoints (the secret is returned only by `create`; an endpoint
// can't be created disabled; `connect` is not part of the object), https://docs.stripe.com/api/idempotent_requests (a repeated call
// with the same key gets the first response), https://docs.stripe.com/api/errors, https://docs.stripe.com/webhooks (retries for three
// days in live mode; duplicates are told apart by the event's id), https://docs.stripe.com/workbench/event-destinations (events of a
// time in which an endpoint is disabled are not sent later), stripe-node 23.1.0 (paths, parameters, `request-id`), and
// github.com/stripe/stripe-cli pull request 2017 (the names of the permissions). That an account has at most 16 endpoints is what
// many users report; some have 100. A restricted key may get no secret: github.com/mako-ai/mako pull request 544.
//
// Assumed: an event has the same `evt_…` id in the deliveries of both endpoints, because it is one object of the API; the response
// that is repeated for an idempotent call contains the secret; retries end when their endpoint is deleted.
//
// Before the new secret is published, the new endpoint's deliveries are refused. Stripe retries them, and the old endpoint delivers
// the same events, so none is lost.

/** Options of `vendors.stripe()`. */
export interface StripeOptions extends VendorApiOptions {
  /** `we_…`: the endpoint, or the one that earlier rotations have replaced. It need not be changed after a rotation. */
  endpointId: string;
  /**
   * A secret key, or a restricted key with "Webhook Endpoints, Event Destinations: Write" (`webhook_write`). If the response to a
   * restricted key contains no secret, everything is undone.
   */
  apiKey: string | undefined;
  /**
   * Whether the endpoint gets the events of connected accounts. Stripe's API does not show it, so you must say it: an endpoint of
   * the wrong kind would get other events.
   */
  connect: boolean;
  /** `acct_…`: the connected account that owns the endpoint, sent as `Stripe-Account`. */
  account?: string;
}

const OWNER = 'vendors.stripe()';
const TOLERANCE_SECONDS = 300;
const RETRY_SPAN_SECONDS = 259_200;
const LINEAGE = 'countersign_endpoint';
const MARK = 'countersign_mark';
const WRITE =
  'Give the API key the permission "Webhook Endpoints, Event Destinations: Write" (`webhook_write`).';
const READ =
  'Give the API key the permission "Webhook Endpoints, Event Destinations: Read" (`webhook_read`).';

/**
 * A webhook endpoint at Stripe, rotated by the strategy `replace`: Stripe's API can't roll the secret of an endpoint. A second
 * endpoint is created with the same URL, events, API version, description and metadata, both deliver for three days (the span of
 * Stripe's retries; less with `overlapSeconds`), and the first one is deleted. Every event comes twice meanwhile; the replay store
 * drops the second delivery by its signed id.
 *
 * The new endpoint has another id. It carries the old id in its metadata, so the same options find it next time.
 *
 * Errors: 400, 401, 403, 404, 409, 429, 5xx, with Stripe's code and its request id.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * vendors.stripe({ endpointId: 'we_1Mr5jULkdIwHu7ix1ibLTM0x', apiKey: process.env.STRIPE_API_KEY, connect: false })
 * ```
 */
export function stripe(options: StripeOptions): ReplaceVendor {
  const api: VendorApi = {
    ...readApi(OWNER, options, {
      name: 'stripe',
      baseUrl: 'https://api.stripe.com',
      known: ['endpointId', 'apiKey', 'connect', 'account'],
    }),
    headers: {
      Authorization: `Bearer ${checkHeaderText(OWNER, 'apiKey', options.apiKey)}`,
      ...(options.account === undefined
        ? {}
        : { 'Stripe-Account': checkHeaderText(OWNER, 'account', options.account) }),
    },
  };
  const { connect } = options;
  if (typeof connect !== 'boolean') {
    throw configError(
      `"connect" of ${OWNER} must be true or false: whether the endpoint gets the events of connected accounts.`,
    );
  }
  const endpointId = checkPathPart(OWNER, 'endpointId', options.endpointId);
  return {
    name: 'stripe',
    endpointId,
    secret: { encoding: 'utf8' },
    retriesRefusals: true,
    graceSeconds: TOLERANCE_SECONDS,
    overlapSeconds: RETRY_SPAN_SECONDS,
    rotateCall: `POST ${api.baseUrl}/v1/webhook_endpoints`,
    endpoints: stripeEndpoints(api, endpointId, connect),
  };
}

function stripeEndpoints(api: VendorApi, endpointId: string, connect: boolean): EndpointCalls {
  const isOurs = (endpoint: unknown): boolean =>
    textField(objectField(endpoint, 'metadata'), LINEAGE) === endpointId;

  async function listAll({ signal }: VendorCall): Promise<unknown[]> {
    const all: unknown[] = [];
    for (let after = ''; ; ) {
      const path = `/v1/webhook_endpoints?limit=100${after === '' ? '' : `&starting_after=${after}`}`;
      const page = await callVendor(api, { method: 'GET', path, permission: READ, signal });
      const data = objectField(page, 'data');
      const entries: unknown[] = Array.isArray(data) ? data : [];
      all.push(...entries);
      after = textField(entries.at(-1), 'id') ?? '';
      const hasMore = page !== null && typeof page === 'object' && Reflect.get(page, 'has_more') === true;
      if (!hasMore || after === '') return all;
    }
  }

  /** `undefined` if there is none with this id. */
  async function get(id: string, signal: AbortSignal): Promise<unknown> {
    try {
      const path = `/v1/webhook_endpoints/${id}`;
      return await callVendor(api, { method: 'GET', path, permission: READ, signal });
    } catch (error) {
      if (error instanceof VendorError && error.status === 404) return undefined;
      throw error;
    }
  }

  return {
    isCreateIdempotent: true,
    async find(call) {
      const own = await get(endpointId, call.signal);
      const successors = own === undefined ? (await listAll(call)).filter(isOurs) : [];
      const found = own ?? (successors.length === 1 ? successors[0] : undefined);
      const id = textField(found, 'id');
      if (id === undefined) throw notFound(api, endpointId, successors);
      if (textField(found, 'status') !== 'disabled') return { id, isOurs: isOurs(found) };
      throw new VendorError('ERR_ROTATION_REFUSED', `The endpoint ${id} is disabled.`, {
        effect: 'none',
        todo: 'Enable it at Stripe, then run again.',
      });
    },
    async list(call) {
      return (await listAll(call)).flatMap((endpoint) => {
        const id = textField(endpoint, 'id');
        return id !== undefined && isOurs(endpoint) ? [{ id, isOurs: true }] : [];
      });
    },
    async create({ like, mark, signal }) {
      const model = await get(like, signal);
      if (model === undefined) throw notFound(api, like, []);
      const created = await callVendor(api, {
        method: 'POST',
        path: '/v1/webhook_endpoints',
        form: copyOf(model, { connect, lineage: endpointId, mark }),
        headers: { 'Idempotency-Key': `countersign-${mark}` },
        permission: WRITE,
        signal,
      }).catch((error: unknown) => Promise.reject(explainLimit(error)));
      const id = textField(created, 'id');
      if (id !== undefined) return { id, secret: textField(created, 'secret') };
      throw new VendorError('ERR_ROTATION_ANSWER_INVALID', 'stripe returned no new endpoint.', {
        effect: 'maybe',
        todo: 'Run again.',
      });
    },
    async remove({ id, signal }) {
      try {
        const path = `/v1/webhook_endpoints/${id}`;
        await callVendor(api, { method: 'DELETE', path, permission: WRITE, signal });
      } catch (error) {
        if (!(error instanceof VendorError) || error.status !== 404) throw error;
      }
    },
  };
}

/** The parameters of an endpoint that gets the same events in the same form. */
function copyOf(
  model: unknown,
  { connect, lineage, mark }: { connect: boolean; lineage: string; mark: string },
): URLSearchParams {
  const form = new URLSearchParams();
  form.set('url', textField(model, 'url') ?? '');
  const events = objectField(model, 'enabled_events');
  for (const [index, event] of (Array.isArray(events) ? events : []).entries()) {
    form.set(`enabled_events[${index}]`, String(event));
  }
  const apiVersion = textField(model, 'api_version');
  if (apiVersion !== undefined) form.set('api_version', apiVersion);
  form.set('connect', String(connect));
  const description = textField(model, 'description');
  if (description !== undefined) form.set('description', description);
  const metadata = Object.entries(objectField(model, 'metadata') ?? {});
  for (const [name, value] of metadata) form.set(`metadata[${name}]`, String(value));
  form.set(`metadata[${LINEAGE}]`, lineage);
  form.set(`metadata[${MARK}]`, mark);
  return form;
}

function notFound(api: VendorApi, id: string, successors: readonly unknown[]): VendorError {
  const ids = successors.map((endpoint) => textField(endpoint, 'id')).join(', ');
  return new VendorError('ERR_ROTATION_NOT_FOUND', `${api.vendor} has no endpoint ${id}.`, {
    effect: 'none',
    todo:
      successors.length > 1
        ? `Several endpoints have replaced it: ${ids}. Pass the id of one of them, and remove the others.`
        : 'Check the id, and whether the API key is for the same account and mode (live or test).',
    status: 404,
  });
}

/** Stripe has no code for its limit. */
function explainLimit(error: unknown): unknown {
  if (!(error instanceof VendorError) || error.status !== 400) return error;
  const { message, status, vendorCode, requestId } = error;
  return new VendorError(error.code, message, {
    effect: 'none',
    todo: 'If the account has as many endpoints as Stripe allows (16, unless it was raised), remove one that is not used. Otherwise look up the call in the logs of Workbench.',
    status,
    vendorCode,
    requestId,
  });
}
