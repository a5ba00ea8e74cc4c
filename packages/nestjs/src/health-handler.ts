import { IncomingMessage, type ServerResponse } from 'node:http';
import type { HealthOptions, Verifier } from '@countersign/core';
import { createNodeHealthHandler } from '@countersign/core/extend';

interface FastifyRequest {
  readonly raw: IncomingMessage;
}
interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): unknown;
}

/**
 * The body of a route that tells probes and operators how the verifiers of this process are: 200 if at least one can work, otherwise 503,
 * with a `HealthReport` as JSON. It answers requests from this machine, and those with the token. Call it with `@Req()` and `@Res()`; it
 * works on Express and on Fastify.
 *
 * @param verifiers The verifiers by names of your choice; those of the module are `WebhookHealthIndicator.verifiers`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, such as a short token.
 * @example
 * ```ts
 * @Controller('health')
 * export class HealthController {
 *   readonly #respond = healthHandler({ stripe: verifier }, { token: process.env.HEALTH_TOKEN })
 *
 *   @Get()
 *   health(@Req() request: object, @Res() response: object): void {
 *     this.#respond(request, response)
 *   }
 * }
 * ```
 */
export function healthHandler(
  verifiers: Readonly<Record<string, Verifier>>,
  options?: HealthOptions,
): (request: object, response: object) => void {
  const respond = createNodeHealthHandler('healthHandler()', verifiers, options);
  return (request, response) => {
    if (request instanceof IncomingMessage) {
      respond(request, response as ServerResponse);
      return;
    }
    const reply = response as FastifyReply;
    reply.hijack();
    respond((request as FastifyRequest).raw, reply.raw);
  };
}
