import type { HealthOptions, ReceivedWebhook, ShadowReport, Verifier } from '@countersign/core';
import {
  type AdapterOptions,
  configError,
  createNodeHealthHandler,
  createNodeReceiver,
  createNodeShadow,
  handlerEnded,
  handlerRefusal,
  handlerStarted,
  type ShadowOptions,
  settleAbandonedResponse,
  type VerifierSource,
} from '@countersign/core/extend';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyRequest {
    /** The verified delivery. Set in every handler of the scope that registered `webhookPlugin`; elsewhere it is `null`. */
    webhook: ReceivedWebhook;
  }
}

/** Options of {@link webhookPlugin}. */
export interface WebhookPluginOptions extends AdapterOptions<FastifyRequest> {
  /** The verifier of every route in the scope, or a function that picks one by route or header. */
  verifier: VerifierSource<FastifyRequest>;
}

const plugin: FastifyPluginAsync<WebhookPluginOptions> = async (scope, { verifier, ...options }) => {
  const receive = createNodeReceiver('webhookPlugin', verifier, adapterOptions(options));
  if (!scope.hasRequestDecorator('webhook')) scope.decorateRequest('webhook', null as never);

  // Before any parser, schema or later hook: they get only what is verified.
  scope.addHook('preParsing', async (request, reply, payload) => {
    const webhook = await receive(request, request.raw, reply.raw);
    if (webhook === undefined) {
      // The raw response has been sent: Fastify must not respond a second time.
      reply.hijack();
      return payload;
    }
    request.webhook = webhook;
    announceNothing(request);
    return payload;
  });

  // The stream has been read: the one parser for all content types of the scope has nothing left to do.
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (request, _payload, done) => done(null, request.webhook.body));

  scope.addHook('preValidation', (request, _reply, done) => {
    announceAgain(request);
    // Fastify runs no parser for an empty body without a content type.
    request.body = request.webhook.body;
    done();
  });

  // Fastify neither ends a stream whose client has left nor responds if the handler then returns nothing: the status that the
  // handler meant to send decides.
  scope.addHook('onSend', (_request, reply, payload, done) => {
    if (isStream(payload)) settleAbandonedResponse(reply.raw, reply.statusCode);
    done(null, payload);
  });
  scope.addHook('onRoute', (route) => {
    if ((route.schema as { body?: unknown } | undefined)?.body !== undefined) {
      throw configError(
        `The route ${route.url} has a schema for its body, but behind webhookPlugin the body is bytes. Remove "schema.body", and ` +
          'validate request.webhook.json() in the handler.',
      );
    }
    const { handler } = route;
    route.handler = function webhookHandler(request, reply) {
      const result: unknown = handler.call(this, request, reply);
      return isThenable(result) ? untilEnd(result, reply) : result;
    };
  });
};

/** Reports the handler's end. The end of a handler that responds by a callback can't be seen. */
async function untilEnd(result: PromiseLike<unknown>, reply: FastifyReply): Promise<unknown> {
  handlerStarted(reply.raw);
  try {
    const value = await result;
    handlerEnded(reply.raw);
    if (value === undefined && !reply.sent) settleAbandonedResponse(reply.raw, reply.statusCode);
    return value;
  } catch (error) {
    handlerEnded(reply.raw, { error });
    const refusal = handlerRefusal(error);
    if (refusal === undefined || reply.sent) throw error;
    // Fastify's own response would tell the sender the reason.
    reply.log.warn(error);
    return reply.code(refusal.status).headers(refusal.headers).send(refusal.body);
  }
}

const announced = Symbol('countersign.announced');
type Announcing = FastifyRequest & { [announced]?: { type: string | undefined; length: string | undefined } };

/**
 * Hides from Fastify that there was a body. The body has been read, so no parser is needed, and Fastify must not refuse a
 * verified delivery because of its content type.
 */
function announceNothing(request: Announcing): void {
  const { headers } = request.raw;
  request[announced] = { type: headers['content-type'], length: headers['content-length'] };
  headers['content-type'] = undefined;
  headers['content-length'] = undefined;
}

function announceAgain(request: Announcing): void {
  const sent = request[announced];
  if (sent === undefined) return;
  const { headers } = request.raw;
  if (sent.type === undefined) delete headers['content-type'];
  else headers['content-type'] = sent.type;
  if (sent.length === undefined) delete headers['content-length'];
  else headers['content-length'] = sent.length;
}

function isStream(payload: unknown): boolean {
  const { pipe, getReader } = (payload ?? {}) as { pipe?: unknown; getReader?: unknown };
  return typeof pipe === 'function' || typeof getReader === 'function';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Fastify adds its own `prefix` to a plugin's options. */
function adapterOptions(
  options: AdapterOptions<FastifyRequest> & { prefix?: unknown },
): AdapterOptions<FastifyRequest> {
  const { prefix: _, ...rest } = options;
  return rest;
}

/**
 * Fastify plugin: every route in the scope where you register it accepts only genuine deliveries, each once.
 *
 * It reads the request itself, with any content type, before parsing and validation. Behind it `request.webhook` is the delivery and
 * `request.body` its bytes. If the response is sent with 2xx, the delivery is handled. With any other status, the sender's retry runs
 * your handler again.
 *
 * It replaces the content type parsers of its scope: register it in its own scope, before the routes. Registered at the root it
 * guards every route. `bodyLimit` has no effect on these routes; use `maxBodyBytes`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, when the plugin loads, and for a route with `schema.body`.
 * @example
 * ```ts
 * app.register(async (scope) => {
 *   await scope.register(webhookPlugin, { verifier })
 *   scope.post('/hooks/stripe', async (request, reply) => {
 *     await save(request.webhook.json())
 *     return reply.code(204).send()
 *   })
 * })
 * ```
 */
export const webhookPlugin: FastifyPluginAsync<WebhookPluginOptions> = fastifyPlugin(plugin, {
  fastify: '4.x || 5.x',
  name: '@countersign/fastify',
});

export default webhookPlugin;

/**
 * A hook for `onRequest` that lets every request pass **without verification**, and reports what the adapter would do with it: to put verification on an endpoint that
 * is in use. What is behind it reads the body as before, and gets no `webhook`. The process warns that nothing is enforced.
 *
 * The verifier's own observers and `health()` see these checks too. Duplicates are not found, because nothing is claimed.
 *
 * @param report Gets the outcome of each request. The request does not wait for it, and what it throws harms nothing.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * app.post('/hooks/stripe', { onRequest: shadow(verifier, (report) => app.log.info(report)) }, oldHandler)
 * ```
 */
export function shadow(
  verifier: VerifierSource<FastifyRequest>,
  report: (report: ShadowReport) => unknown,
  options?: ShadowOptions<FastifyRequest>,
): (request: FastifyRequest, reply: FastifyReply, done: () => void) => void {
  const watch = createNodeShadow('shadow() of @countersign/fastify', verifier, report, options);
  return (request, reply, done) => {
    watch(request, request.raw, reply.raw);
    done();
  };
}

/**
 * A route handler that tells probes and operators how the verifiers of this process are: 200 if at least one can work, otherwise 503, with
 * a `HealthReport` as JSON. It answers requests from this machine, and those with the token.
 *
 * @param verifiers The verifiers by names of your choice.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, such as a short token.
 * @example
 * ```ts
 * app.get('/health', healthHandler({ stripe: verifier }, { token: process.env.HEALTH_TOKEN }))
 * ```
 */
export function healthHandler(
  verifiers: Readonly<Record<string, Verifier>>,
  options?: HealthOptions,
): (request: FastifyRequest, reply: FastifyReply) => void {
  const respond = createNodeHealthHandler('healthHandler()', verifiers, options);
  return (request, reply) => {
    reply.hijack();
    respond(request.raw, reply.raw);
  };
}

export type { ReceivedWebhook, VerifiedWebhook, Verifier } from '@countersign/core';
