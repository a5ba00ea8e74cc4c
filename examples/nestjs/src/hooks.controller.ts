import { type ReceivedWebhook, VerifyWebhook, Webhook } from '@countersign/nestjs';
import { Controller, HttpCode, Logger, Post } from '@nestjs/common';

@Controller('hooks')
export class HooksController {
  readonly #logger = new Logger(HooksController.name);

  /** Runs once per delivery. If it throws, the sender gets 500, and its retry runs this again. */
  @Post('anchor')
  @HttpCode(204)
  @VerifyWebhook('anchor')
  async anchor(@Webhook() webhook: ReceivedWebhook): Promise<void> {
    this.#logger.log(`handled ${webhook.id}: ${JSON.stringify(webhook.json())}`);
  }
}
