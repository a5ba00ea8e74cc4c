import { createVerifier, logWebhooks } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { type ReceivedWebhook, VerifyWebhook, Webhook, WebhookModule } from '@countersign/nestjs';
import { shopify } from '@countersign/schemes';
import { Body, Controller, HttpCode, Logger, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { App, Receiver } from '../contract.ts';

export async function start(app: App): Promise<Receiver> {
  @Controller()
  class HooksController {
    @Post('hooks')
    @HttpCode(204)
    @VerifyWebhook('sender')
    async hooks(@Webhook() webhook: ReceivedWebhook): Promise<void> {
      await app.work(webhook.json());
    }

    @Post('orders')
    orders(@Body() order: unknown): unknown {
      return order;
    }
  }

  @Module({
    imports: [
      WebhookModule.forRootAsync({
        useFactory: async () => {
          const verifier = createVerifier({
            scheme: shopify(),
            secrets: fileSecrets(app.secretsPath),
            observe: logWebhooks(new Logger('Webhooks')),
          });
          await verifier.ready();
          return { verifiers: { sender: verifier } };
        },
      }),
    ],
    controllers: [HooksController],
  })
  class AppModule {}

  const nest = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false });
  await nest.listen(0, '127.0.0.1');
  return { server: nest.getHttpServer(), close: () => nest.close() };
}
