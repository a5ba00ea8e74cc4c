import { request } from 'node:http';
import { parseJson } from './management-api.ts';
import type { AnySimulatedSender } from './sender.ts';
import type { ApiRequest, RotationKind } from './vendor-account.ts';

/** The result of a rotation for a customer. */
export interface RotationAnswer {
  readonly status: number;
  /** The parsed response to the rotation itself. */
  readonly body: unknown;
  /** The new secret, if the vendor returned one. Ada's is fetched with a second call, as Ada documents. */
  readonly secret: string | undefined;
}

/**
 * Rotates the secret as a customer would: over HTTP, with the account's credentials.
 *
 * @param options.kind Which secret; only AgentMessage has `'organization'`. Default: `'endpoint'`.
 * @param options.key Your own secret; only Ada accepts one.
 * @param options.signal Gives up waiting. The rotation may have happened all the same.
 * @returns Also for refusals. Rejects only if no response came, or if Ada's second call failed.
 * @example
 * ```ts
 * const { secret } = await rotateThroughApi(sender)
 * ```
 */
export async function rotateThroughApi(
  sender: Pick<AnySimulatedSender, 'apiUrl' | 'account'>,
  options: { kind?: RotationKind; key?: string; signal?: AbortSignal } = {},
): Promise<RotationAnswer> {
  const { customer } = sender.account;
  const asked = customer.rotate(options.kind ?? 'endpoint', options.key);
  const { status, body } = await callApi(sender.apiUrl, asked, options.signal);
  if (status < 200 || status > 299) return { status, body, secret: undefined };
  if (customer.readSecret === undefined) return { status, body, secret: customer.secretIn(body) };
  const read = await callApi(sender.apiUrl, customer.readSecret(), options.signal);
  if (read.status !== 200) {
    throw new Error(`The secret was rotated, but reading it got ${read.status}.`);
  }
  return { status, body, secret: customer.secretIn(read.body) };
}

function callApi(
  apiUrl: string,
  asked: ApiRequest,
  signal: AbortSignal | undefined,
): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
    const call = request(`${apiUrl}${asked.path}`, {
      method: asked.method,
      agent: false,
      headers: { ...asked.headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(signal === undefined ? {} : { signal }),
    });
    call.once('error', reject);
    call.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: parseJson(text) }));
    });
    call.end(body);
  });
}
