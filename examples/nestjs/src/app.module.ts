import type { Verifier } from '@countersign/core';
import { WebhookModule } from '@countersign/nestjs';
import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.ts';
import { HooksController } from './hooks.controller.ts';
import { ANCHOR, VerifiersModule } from './verifiers.module.ts';

@Module({
  imports: [
    VerifiersModule,
    WebhookModule.forRootAsync({
      imports: [VerifiersModule],
      inject: [ANCHOR],
      useFactory: (anchor: Verifier) => ({ verifiers: { anchor } }),
    }),
  ],
  controllers: [HooksController, HealthController],
})
export class AppModule {}
