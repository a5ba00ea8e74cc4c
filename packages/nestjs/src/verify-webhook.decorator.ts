import { applyDecorators, UseGuards } from '@nestjs/common';
import { WebhookGuard } from './webhook.guard.ts';
import type { WebhookRouteOptions } from './webhook-module-options.ts';
import { setTarget } from './webhook-target.ts';

/**
 * Lets only genuine deliveries reach a handler, or all handlers of a controller, each delivery once. Its bytes are read as they
 * are, ahead of Nest's body parsers; `@Webhook()` gives the delivery. The response decides what becomes of it: ended with 2xx it is
 * handled for good, ended with anything else, by whomever, the sender's retry runs again.
 *
 * An unknown name or a wrong option stops the application when it starts.
 *
 * @param name A verifier of {@link WebhookModuleOptions.verifiers}.
 * @param options What this route settles for itself. Default: the module's.
 * @example
 * ```ts
 * @Controller('hooks')
 * export class HooksController {
 *   @Post('anchor')
 *   @VerifyWebhook('anchor')
 *   async anchor(@Webhook() webhook: ReceivedWebhook) {
 *     await save(webhook.json())
 *   }
 * }
 * ```
 */
export function VerifyWebhook(
  name: string,
  options: WebhookRouteOptions = {},
): MethodDecorator & ClassDecorator {
  return applyDecorators(setTarget({ name, options }), UseGuards(WebhookGuard));
}
