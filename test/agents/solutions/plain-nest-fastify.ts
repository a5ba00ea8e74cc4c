import { createVerifier, defineScheme, logWebhooks } from '@countersign/core';
import { type ReceivedWebhook, VerifyWebhook, Webhook, WebhookModule } from '@countersign/nestjs';
import { Body, Controller, HttpCode, Logger, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { App, Receiver } from '../contract.ts';

const team = defineScheme({
  name: 'team',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha256' },
    signature: { header: 'x-plain-signature', prefix: 'sha256=', encoding: 'hex' },
    content: '{body}',
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
});

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
            scheme: team,
            secrets: async () => app.loadSecrets(),
            observe: logWebhooks(new Logger('Webhooks')),
          });
          await verifier.ready();
          app.onSecretsChanged(() => void verifier.reload());
          return { verifiers: { sender: verifier } };
        },
      }),
    ],
    controllers: [HooksController],
  })
  class AppModule {}

  const nest = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
  await nest.listen(0, '127.0.0.1');
  return { server: nest.getHttpServer(), close: () => nest.close() };
}
