import { applyDecorators, UseGuards } from '@nestjs/common';
import { WebhookGuard } from './webhook.guard.ts';
import type { WebhookRouteOptions } from './webhook-module-options.ts';
import { setTarget } from './webhook-target.ts';

/**
 * Lets only genuine deliveries reach a handler, or all handlers of a controller, each once. Nest's body parsers skip its route, and
 * `@Webhook()` returns the delivery. If the response ends with 2xx, the delivery is handled. With any other status, no matter which
 * code sent it, the sender's retry runs the handler again.
 *
 * An unknown name or a wrong option stops the application when it starts.
 *
 * @param name A verifier of {@link WebhookModuleOptions.verifiers}.
 * @param options This route's own options. Default: the module's.
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
