import type { HealthOptions, Verifier } from '@countersign/core';
import { createHealthResponder } from '@countersign/core/extend';
import { EventRequest, type LambdaEvent } from './event.ts';
import { type LambdaResult, resultOf } from './result.ts';

/**
 * A function for AWS Lambda that tells operators how the verifiers of this instance are: 200 if at least one can work, otherwise 503, with
 * a `HealthReport` as JSON. It answers only requests with the token, because no request of Lambda comes from the machine itself.
 *
 * @param verifiers The verifiers by names of your choice.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, such as a short token.
 * @example
 * ```ts
 * const health = healthHandler({ stripe: verifier }, { token })
 * export const handler = (event, context) => (event.rawPath === '/health' ? health(event) : hooks(event, context))
 * ```
 */
export function healthHandler(
  verifiers: Readonly<Record<string, Verifier>>,
  options: HealthOptions & { token: string },
): (event: LambdaEvent) => Promise<LambdaResult> {
  // Without its own check, every request would get 404.
  const respond = createHealthResponder('healthHandler()', verifiers, Object.assign({ token: '' }, options));
  return async (event) => {
    const request = new EventRequest(event);
    const { method, headers } = request;
    return resultOf(request, respond({ method, headers, remoteAddress: undefined }));
  };
}
