import { type ReceivedWebhook, VerifyWebhook, Webhook } from '@countersign/nestjs';
import { Controller, HttpCode, Logger, Post } from '@nestjs/common';

@Controller('hooks')
export class HooksController {
  readonly #logger = new Logger(HooksController.name);

  /** Runs once for each delivery. Where it throws, the sender is answered 500, and its retry runs again. */
  @Post('anchor')
  @HttpCode(204)
  @VerifyWebhook('anchor')
  async anchor(@Webhook() webhook: ReceivedWebhook): Promise<void> {
    this.#logger.log(`handled ${webhook.id}: ${JSON.stringify(webhook.json())}`);
  }
}
