import {
  type EndpointCalls,
  type VendorCall,
  type VendorEndpoint,
  VendorError,
  type VendorTest,
} from '../vendor.ts';
import { callVendor, objectField, textField, type VendorApi } from './http.ts';

// Sources, read on 2026-12-01: https://agentmessage.io/docs/webhooks/createWebhookEndpoint, …/listWebhookEndpoints,
// …/patchWebhookEndpoint, …/deleteWebhookEndpoint, …/testWebhookEndpoint, …/rotateWebhookEndpointSecret (which advises: stand up a
// new endpoint, validate it with the test call, delete the old one).
//
// Documented: the secret is returned once, by `create`; a description of up to 200 characters; at most 50 active endpoints (409
// LIMIT_EXCEEDED); a deleted endpoint's deliveries that are under way are given up; `api_version` can't be changed later.
//
// Assumed: an event has the same `evt_…` id in the deliveries of both endpoints; a description that is set is part of the list, of
// which only endpoints without one are printed in the documentation; retries last for at most 24 hours.
//
// Before the new secret is published, the new endpoint's deliveries are refused, and AgentMessage doesn't document whether it
// retries them. None is lost, because the old endpoint delivers the same events.

const READ = 'Use an API key with the scopes "webhooks:read" and "webhooks:write".';
const WRITE = 'Use an API key with the scope "webhooks:write".';
const LONGEST_DESCRIPTION = 200;
const MARK = / ?\[countersign [0-9a-f]+ for [\w.~-]+\]$/;

/** An endpoint's fields, as the API shows them. */
interface Fields {
  readonly id: string;
  readonly url: string | undefined;
  readonly description: string | undefined;
  readonly all: object;
}

/** The calls that replace one endpoint by another. @param webhookId The id in the options, which marks every successor. */
export function agentMessageEndpoints(api: VendorApi, webhookId: string): EndpointCalls {
  async function listAll({ signal }: VendorCall): Promise<readonly Fields[]> {
    const response = await callVendor(api, {
      method: 'GET',
      path: '/v1/webhooks?limit=100',
      permission: READ,
      signal,
    });
    const data = objectField(response, 'data');
    if (Array.isArray(data)) return data.flatMap(readFields);
    throw new VendorError('ERR_ROTATION_ANSWER_INVALID', `${api.vendor} returned no list of endpoints.`, {
      effect: 'none',
      todo: 'Run again. If it happens again, the API has changed.',
    });
  }
  const isOurs = ({ description }: Fields): boolean =>
    description?.endsWith(` for ${webhookId}]`) === true && MARK.test(description);

  async function findFields(call: VendorCall, id: string | undefined): Promise<Fields> {
    const all = await listAll(call);
    const own = all.find((fields) => fields.id === (id ?? webhookId));
    const successors = all.filter(isOurs);
    const found = own ?? (successors.length === 1 ? successors[0] : undefined);
    if (found !== undefined) return found;
    throw new VendorError('ERR_ROTATION_NOT_FOUND', `${api.vendor} has no endpoint ${id ?? webhookId}.`, {
      effect: 'none',
      todo:
        successors.length > 1
          ? `Several endpoints have replaced it: ${successors.map((one) => one.id).join(', ')}. Pass the id of one of them, and remove the others.`
          : "Check the webhook's id and the workspace of the API key.",
    });
  }

  return {
    isCreateIdempotent: false,
    async find(call) {
      const fields = await findFields(call, undefined);
      if (Reflect.get(fields.all, 'active') !== false) return { id: fields.id, isOurs: isOurs(fields) };
      throw new VendorError('ERR_ROTATION_REFUSED', `The endpoint ${fields.id} is not active.`, {
        effect: 'none',
        todo: 'Activate it, or use the strategy "in-place".',
      });
    },
    async list(call) {
      const all = await listAll(call);
      const url = all.find(({ id }) => id === webhookId)?.url ?? all.find(isOurs)?.url;
      return all
        .filter((fields) => isOurs(fields) || (url !== undefined && fields.url === url))
        .map((fields): VendorEndpoint => {
          const isHidden = !('description' in fields.all);
          return { id: fields.id, isOurs: isHidden ? 'unclear' : isOurs(fields) };
        });
    },
    async create({ like, mark, signal }) {
      const { all, description = '' } = await findFields({ signal }, like);
      const own = ` [countersign ${mark} for ${webhookId}]`;
      const label = description.replace(MARK, '').slice(0, LONGEST_DESCRIPTION - own.length);
      const response = await callVendor(api, {
        method: 'POST',
        path: '/v1/webhooks',
        body: {
          url: Reflect.get(all, 'url'),
          events: Reflect.get(all, 'events'),
          api_version: Reflect.get(all, 'api_version'),
          description: `${label}${own}`.trim(),
        },
        permission: WRITE,
        signal,
      });
      const id = textField(response, 'id');
      if (id !== undefined) return { id, secret: textField(response, 'secret') };
      throw new VendorError('ERR_ROTATION_ANSWER_INVALID', `${api.vendor} returned no new endpoint.`, {
        effect: 'maybe',
        todo: 'Run again.',
      });
    },
    async remove({ id, signal }) {
      try {
        await callVendor(api, { method: 'DELETE', path: `/v1/webhooks/${id}`, permission: WRITE, signal });
      } catch (error) {
        if (!(error instanceof VendorError) || error.status !== 404) throw error;
      }
    },
    async test({ id, signal }) {
      const path = `/v1/webhooks/${id}/test`;
      return testAnswer(await callVendor(api, { method: 'POST', path, permission: WRITE, signal }));
    },
  };
}

/** The outcome of a test delivery. */
export function testAnswer(response: unknown): VendorTest {
  const status: unknown =
    response === null || typeof response !== 'object' ? undefined : Reflect.get(response, 'response_status');
  const outcome = textField(response, 'outcome');
  return {
    delivered: outcome === undefined ? 'unknown' : outcome === 'success',
    status: typeof status === 'number' ? status : undefined,
  };
}

function readFields(value: unknown): Fields[] {
  const id = textField(value, 'id');
  if (id === undefined || value === null || typeof value !== 'object') return [];
  const deletedAt = textField(value, 'deleted_at');
  return deletedAt !== undefined
    ? []
    : [{ id, url: textField(value, 'url'), description: textField(value, 'description'), all: value }];
}
