import { createVerifier, type Verifier } from '@countersign/core';
import { WebhookHealthIndicator, WebhookModule } from '@countersign/nestjs';
import { github } from '@countersign/schemes';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { HealthCheck, type HealthCheckResult, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { describe, expect, it, onTestFinished } from 'vitest';
import { portOf } from '../../../test/support/listen.ts';
import { SECRET } from './support/app.ts';

// The indicator in a real application with Terminus, as its documentation shows it.

const working = (): Verifier => createVerifier({ scheme: github(), secrets: SECRET });

async function broken(): Promise<Verifier> {
  const secrets = () => Promise.reject(new Error('The secret is missing.'));
  const verifier = createVerifier({ scheme: github(), secrets, observe: () => undefined });
  await verifier.ready().catch(() => undefined);
  return verifier;
}

@Controller('health')
class HealthController {
  readonly #health: HealthCheckService;
  readonly #webhooks: WebhookHealthIndicator;

  constructor(
    @Inject(HealthCheckService) health: HealthCheckService,
    @Inject(WebhookHealthIndicator) webhooks: WebhookHealthIndicator,
  ) {
    this.#health = health;
    this.#webhooks = webhooks;
  }

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.#health.check([() => this.#webhooks.isHealthy('hooks')]);
  }
}

async function healthOf(
  adapter: ExpressAdapter | FastifyAdapter,
  verifiers: Record<string, Verifier | (() => undefined)>,
) {
  @Module({
    imports: [TerminusModule.forRoot({ logger: false }), WebhookModule.forRoot({ verifiers })],
    controllers: [HealthController],
  })
  class App {}
  const app = await NestFactory.create(App, adapter as never, { logger: false, abortOnError: false });
  onTestFinished(async () => {
    await app.close();
    for (const each of Object.values(verifiers)) if (typeof each !== 'function') await each.close();
  });
  await app.listen(0, '127.0.0.1');
  const response = await fetch(`http://127.0.0.1:${portOf(app.getHttpServer())}/health`);
  const text = await response.text();
  expect(text).not.toContain(SECRET);
  return { status: response.status, body: JSON.parse(text) as HealthCheckResult, text };
}

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter({ forceCloseConnections: true })],
])('Terminus on %s', (_, adapter) => {
  it('is up while one endpoint can work, and names the state of each', async () => {
    const hub = working();
    const { status, body, text } = await healthOf(adapter(), {
      hub,
      slack: await broken(),
      tenants: () => undefined,
    });
    expect([status, body.status]).toEqual([200, 'ok']);
    expect(body.info).toEqual({
      hooks: {
        status: 'up',
        endpoints: {
          hub: { state: 'ready', warnings: [] },
          slack: { state: 'not-ready', warnings: ['reload-failed'] },
        },
      },
    });
    expect(text).not.toContain(hub.health().secrets.keys[0]?.id ?? 'a key');
  });

  it('is down if no endpoint can work', async () => {
    const { status, body } = await healthOf(adapter(), { slack: await broken() });
    expect([status, body.status]).toEqual([503, 'error']);
    expect(body.error).toMatchObject({
      hooks: { status: 'down', endpoints: { slack: { state: 'not-ready' } } },
    });
  });
});
