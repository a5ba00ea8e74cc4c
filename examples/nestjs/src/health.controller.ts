import { healthHandler, WebhookHealthIndicator } from '@countersign/nestjs';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';

@Controller('health')
export class HealthController {
  readonly #respond: ReturnType<typeof healthHandler>;

  constructor(@Inject(WebhookHealthIndicator) { verifiers }: WebhookHealthIndicator) {
    this.#respond = healthHandler(verifiers, { token: process.env.HEALTH_TOKEN });
  }

  /** For probes and operators: from this machine, or with the token. */
  @Get()
  health(@Req() request: object, @Res() response: object): void {
    this.#respond(request, response);
  }
}
