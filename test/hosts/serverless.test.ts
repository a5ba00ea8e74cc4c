import { configure as serverlessExpress } from '@codegenie/serverless-express';
import { webhook } from '@countersign/express';
import { webhook as koaWebhook } from '@countersign/koa';
import express, { type Express } from 'express';
import express4 from 'express4';
import Koa from 'koa';
import serverlessHttp from 'serverless-http';
import { describe, expect, it, vi } from 'vitest';
import { signed, watchedVerifier } from '../support/github-receiver.ts';

type Invoke = (event: unknown, context: unknown) => Promise<{ statusCode: number }>;
type Respond = (status: number) => { invoke: Invoke; seen(): string[] };

const EXPRESS = { 'Express 5': express, 'Express 4': express4 as unknown as typeof express };
const HOSTS: Readonly<Record<string, (app: Express) => Invoke>> = {
  'serverless-http': (app) => serverlessHttp(app) as unknown as Invoke,
  '@codegenie/serverless-express': (app) => serverlessExpress({ app }) as unknown as Invoke,
};

const cases: [string, 'after-response' | 'before-response', Respond][] = [];
for (const settle of ['after-response', 'before-response'] as const) {
  for (const [host, wrap] of Object.entries(HOSTS)) {
    for (const [name, framework] of Object.entries(EXPRESS)) {
      cases.push([
        `${name} behind ${host}`,
        settle,
        (status) => {
          const { verifier, seen } = watchedVerifier();
          const app = framework();
          app.post('/hook', webhook(verifier, { settle }), (_, res) => void res.status(status).json({}));
          return { invoke: wrap(app), seen };
        },
      ]);
    }
  }
  cases.push([
    'Koa behind serverless-http',
    settle,
    (status) => {
      const { verifier, seen } = watchedVerifier();
      const app = new Koa();
      app.silent = true;
      app.use(koaWebhook(verifier, { settle })).use((ctx) => {
        ctx.status = status;
        ctx.body = 'done';
      });
      return { invoke: serverlessHttp(app) as unknown as Invoke, seen };
    },
  ]);
}

describe.each(cases)('%s, settled %s', (_, settle, respond) => {
  it('verifies by the headers that the host has, and commits a success once', async () => {
    const { invoke, seen } = respond(200);
    expect((await invoke(lambdaEvent(), {})).statusCode).toBe(200);
    if (settle === 'before-response') expect(seen()).toContain('committed');
    await vi.waitFor(() => expect(seen()).toContain('committed'));
    expect((await invoke(lambdaEvent(), {})).statusCode).toBe(200);
    expect(seen().filter((type) => type === 'claimed')).toHaveLength(1);
  });

  it('releases a failure, so that the retry runs', async () => {
    const { invoke, seen } = respond(500);
    for (const runs of [1, 2]) {
      expect((await invoke(lambdaEvent(), {})).statusCode).toBe(500);
      if (settle === 'before-response') expect(count(seen(), 'released')).toBe(runs);
      await vi.waitFor(() => expect(count(seen(), 'released')).toBe(runs));
    }
  });
});

function count(seen: readonly string[], type: string): number {
  return seen.filter((each) => each === type).length;
}

function lambdaEvent(): unknown {
  const { headers, body } = signed();
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: '/hook',
    rawQueryString: '',
    headers,
    isBase64Encoded: true,
    body: Buffer.from(body).toString('base64'),
    requestContext: {
      stage: '$default',
      http: { method: 'POST', path: '/hook', protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'x' },
    },
  };
}
