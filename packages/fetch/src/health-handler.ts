import type { HealthOptions, Verifier } from '@countersign/core';
import { checkFunction, checkKeys, configError, createHealthResponder } from '@countersign/core/extend';
import { toResponse } from './to-response.ts';

/** Options of {@link healthHandler}. One of `token` and `remoteAddress` is required. */
export interface HealthHandlerOptions<Context extends unknown[] = unknown[]> extends HealthOptions {
  /**
   * Returns the address at the other end of the connection, so that requests from this machine are answered without a token. Take it from
   * the host and never from a header. With Hono on Node.js: `(_, context) => getConnInfo(context).remote.address`.
   */
  remoteAddress?(request: Request, ...context: Context): string | undefined;
}

/**
 * A request handler that tells probes and operators how the verifiers of this process are: 200 if at least one can work, otherwise 503,
 * with a `HealthReport` as JSON. It answers requests with the token, and those from this machine if `remoteAddress` tells which they are.
 *
 * @param verifiers The verifiers by names of your choice.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, such as a short token, and without `token` and `remoteAddress`.
 * @example
 * ```ts
 * export const GET = healthHandler({ stripe: verifier }, { token: process.env.HEALTH_TOKEN })
 * ```
 */
export function healthHandler<Context extends unknown[]>(
  verifiers: Readonly<Record<string, Verifier>>,
  options: HealthHandlerOptions<Context>,
): (request: Request, ...context: Context) => Response {
  const { remoteAddress, ...others } = checkKeys('healthHandler()', options, [
    'token',
    'instance',
    'remoteAddress',
  ]);
  checkFunction('remoteAddress', remoteAddress);
  if (remoteAddress === undefined && others.token === undefined) {
    throw configError(
      'healthHandler() needs a "token", because a Request does not say where it comes from. Or pass "remoteAddress".',
    );
  }
  const respond = createHealthResponder('healthHandler()', verifiers, others);
  return (request, ...context) => {
    const { method, headers } = request;
    return toResponse(
      respond({ method, headers, remoteAddress: remoteAddress?.call(options, request, ...context) }),
    );
  };
}
