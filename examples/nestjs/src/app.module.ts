import { WebhookModule } from '@countersign/nestjs';
import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.ts';
import { HooksController } from './hooks.controller.ts';
import { anchor } from './verifiers.ts';

@Module({
  imports: [WebhookModule.forRoot({ verifiers: { anchor } })],
  controllers: [HooksController, HealthController],
})
export class AppModule {}
