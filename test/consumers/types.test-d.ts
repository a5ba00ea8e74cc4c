// Checked by `npm run typecheck` against the sources, and by consumers.test.ts against the packed packages. Never run.
import type { KeyObject } from 'node:crypto';
import {
  createVerifier,
  defineScheme,
  isWebhookError,
  type Keyring,
  memoryReplayStore,
  type Scheme,
  type VerifiedWebhook,
  type Verifier,
} from '@countersign/core';
import { envSecrets, fileSecrets } from '@countersign/core/node';
import { type Cause, type Explanation, explain, explainRefusals } from '@countersign/explain';
import { webhook as expressWebhook, type ReceivedWebhook } from '@countersign/express';
import { webhookPlugin } from '@countersign/fastify';
import { webhookHandler } from '@countersign/fetch';
import { webhook as koaWebhook } from '@countersign/koa';
import { type LambdaResult, webhookHandler as lambdaHandler } from '@countersign/lambda';
import { agentMessage, stripe } from '@countersign/schemes';
import { sign, tamper } from '@countersign/testing';
import Router from '@koa/router';
import type {
  ALBHandler,
  ALBResult,
  APIGatewayProxyEventV2,
  APIGatewayProxyHandler,
  APIGatewayProxyHandlerV2,
  APIGatewayProxyResult,
  Context,
  LambdaFunctionURLHandler,
  SQSEvent,
} from 'aws-lambda';
import express from 'express';
import fastify from 'fastify';

const secrets = 'whsec_only_this_file_has_it';
const scheme = stripe();
const verifier: Verifier = createVerifier({ scheme, secrets });

// What is right.

createVerifier({
  scheme,
  secrets: { current: [secrets], previous: { secret: secrets, notAfter: new Date() } },
});
createVerifier({
  scheme,
  secrets: envSecrets('X'),
  replay: false,
  toleranceSeconds: { past: 60, future: 5 },
});
createVerifier({
  scheme,
  secrets: fileSecrets('/run/secrets/x'),
  replay: memoryReplayStore({ maxEntries: 10 }),
});
createVerifier({ scheme, secrets: async () => ({ current: secrets }), reload: { intervalSeconds: 60 } });
createVerifier({ scheme: agentMessage({ keyEncoding: 'utf8' }), secrets, observe: ({ type }) => void type });

express().post('/', expressWebhook(verifier), (req, res) => {
  res.json(req.webhook.json<{ id: string }>().id);
});
// Hosts that have read the body, and whose types say so.
expressWebhook(verifier, { rawBody: (request) => request.rawBody });
expressWebhook(verifier, {
  rawBody: async (request: express.Request & { rawBody?: Buffer }) => request.rawBody,
});
express().use(expressWebhook((request) => (request.params.tenant === '1' ? verifier : verifier)));

fastify().register(async (scope) => {
  await scope.register(webhookPlugin, { verifier, maxBodyBytes: 1024 });
  scope.post('/', async (request) => request.webhook.text());
});

new Router().post('/', koaWebhook(verifier, { contentEncoding: 'decompress' }), (ctx) => {
  ctx.body = ctx.state.webhook.id;
});

// What a host passes after the request may be passed on, for its waitUntil.
const inWorker = webhookHandler(verifier, () => 204);
await inWorker(new Request('http://localhost'), {}, { waitUntil: () => undefined });
const handle: (request: Request) => Promise<Response> = webhookHandler(
  verifier,
  (received: ReceivedWebhook) => {
    received.signal.throwIfAborted();
    return Response.json(received.unsignedHeaders);
  },
);
await handle(new Request('http://localhost'));

// The types that people have for functions of Lambda fit, and are not needed.
lambdaHandler(verifier, () => 204) satisfies APIGatewayProxyHandler;
lambdaHandler(verifier, () => 204) satisfies APIGatewayProxyHandlerV2;
lambdaHandler(verifier, () => 204) satisfies LambdaFunctionURLHandler;
lambdaHandler(verifier, () => 204) satisfies ALBHandler;
({}) as LambdaResult satisfies APIGatewayProxyResult & ALBResult;
lambdaHandler<APIGatewayProxyEventV2, Context>(
  (event, context) => (event.requestContext.stage === context.functionVersion ? verifier : undefined),
  (received, event, context) => received.text() + event.rawPath + context.functionVersion,
  { rawBody: (event) => Buffer.from(event.rawPath) },
);
const invoke: (event: { headers: Record<string, string> }) => Promise<LambdaResult> = (event) =>
  lambdaHandler(verifier, (received, { isBase64Encoded }, { awsRequestId }) => {
    received.signal.throwIfAborted();
    return { statusCode: 200, body: `${isBase64Encoded}${awsRequestId}` };
  })(event, { awsRequestId: '1', functionName: 'f', getRemainingTimeInMillis: () => 1 });
await invoke({ headers: {} });

const delivery = tamper(sign(scheme, { secret: secrets, body: '{}' }));
const verified: VerifiedWebhook = await verifier.verify(delivery);
const claim = await verifier.claim(verified);
if (claim.state === 'claimed') await claim.commit();

await using scoped = createVerifier({ scheme, secrets });
await scoped.ready();

try {
  await verifier.ready();
} catch (error) {
  if (isWebhookError(error)) error.code satisfies `ERR_WEBHOOK_${string}`;
}

const explanation: Explanation = await explain({ scheme, secrets, request: { headers: {}, body: '' } });
explanation.causes satisfies readonly Cause[];
expressWebhook(explainRefusals({ scheme, secrets }, console.warn));

// What is wrong.

// @ts-expect-error: no secrets
createVerifier({ scheme });
// @ts-expect-error: no scheme
createVerifier({ secrets });
// @ts-expect-error: a factory that was not called
createVerifier({ scheme: stripe, secrets });
// @ts-expect-error: a set without a current secret
createVerifier({ scheme, secrets: { previous: secrets } });
// @ts-expect-error: an unknown option
createVerifier({ scheme, secrets, tolerance: 300 });
// @ts-expect-error: an option that switches verification off
createVerifier({ scheme, secrets, verify: false });
// @ts-expect-error: a number as text
createVerifier({ scheme, secrets, toleranceSeconds: '300' });
// @ts-expect-error: half a tolerance
createVerifier({ scheme, secrets, toleranceSeconds: { past: 300 } });
// @ts-expect-error: replay is a store, or false
createVerifier({ scheme, secrets, replay: true });
// @ts-expect-error: an unknown option of reload
createVerifier({ scheme, secrets, reload: { intervalMs: 1000 } });
// @ts-expect-error: a keyring of another key format
createVerifier({ scheme: {} as Scheme<KeyObject>, secrets: {} as Keyring<string> });

// @ts-expect-error: an unknown encoding
agentMessage({ keyEncoding: 'rot13' });
// @ts-expect-error: a sender that says nothing about its deliveries
defineScheme({ name: 'x', secret: { encoding: 'utf8' }, signed: scheme.definition.signed, identity: 'body' });

// @ts-expect-error: no verifier
expressWebhook();
// @ts-expect-error: the options of a verifier
expressWebhook({ scheme, secrets });
// @ts-expect-error: an unknown option
expressWebhook(verifier, { limit: '1mb' });
// @ts-expect-error: an unknown claim
expressWebhook(verifier, { claim: 'never' });
// @ts-expect-error: raw bytes are not text
koaWebhook(verifier, { rawBody: () => 'text' });
// @ts-expect-error: no handler
webhookHandler(verifier);
// @ts-expect-error: no handler
lambdaHandler(verifier);
// @ts-expect-error: an event that is no HTTP request
lambdaHandler<SQSEvent>(verifier, () => 204);
// @ts-expect-error: an unknown option
lambdaHandler(verifier, () => 204, { waitUntil: () => undefined });
// @ts-expect-error: no verifier
await fastify().register(webhookPlugin, {});

// What each framework hands over is a delivery, not `any`.

express().post('/', expressWebhook(verifier), (req) => {
  // @ts-expect-error: no such field
  req.webhook.missing;
});
fastify().post('/', async (request) => {
  // @ts-expect-error: no such field
  request.webhook.missing;
});
new Router().post('/', koaWebhook(verifier), (ctx) => {
  // @ts-expect-error: no such field
  ctx.state.webhook.missing;
});
webhookHandler(verifier, (received) => {
  // @ts-expect-error: no such field
  received.missing;
});
lambdaHandler(verifier, (received) => {
  // @ts-expect-error: no such field
  received.missing;
});

// @ts-expect-error: a delivery is not for writing
verified.id = 'another';
// @ts-expect-error: a duplicate has nothing to commit
await claim.commit();
// @ts-expect-error: a parsed body is unknown until someone says what it is
verified.json().id;
// @ts-expect-error: the time may not be signed
verified.signedAt.getTime();
// @ts-expect-error: only what was claimed has a fencing token
verified.fencingToken;

// @ts-expect-error: a parsed body
await explain({ scheme, secrets, request: { headers: {}, body: {} } });
// @ts-expect-error: no log
explainRefusals({ scheme, secrets });
