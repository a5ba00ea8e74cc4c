import { createServer } from 'node:http';
import { memoryReplayStore } from '@countersign/core';
import { webhook } from '@countersign/express';
import { inWebhookSpan, observeWithOpenTelemetry } from '@countersign/opentelemetry';
import { manualClock } from '@countersign/testing';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { portOf } from '../../../test/support/listen.ts';
import { delivery, FOREIGN, verifierWith } from './support/receiver.ts';
import { milliseconds, tracers } from './support/sdk.ts';

const manager = new AsyncLocalStorageContextManager();
beforeAll(() => context.setGlobalContextManager(manager.enable()));
afterAll(() => {
  context.disable();
  manager.disable();
});

describe('spans', () => {
  it('are one for the verification and one for the handler, with what happened', async () => {
    const { tracerProvider, spans } = tracers();
    const clock = manualClock();
    const observe = observeWithOpenTelemetry({ tracerProvider, meterProvider: false });
    const verifier = verifierWith(observe, { clock, replay: memoryReplayStore({ clock }) });
    const { headers, body, id } = delivery({ timestamp: new Date(clock.now()) });
    const slowBody = async () => {
      await clock.advance(1500);
      return body;
    };
    await verifier.handle({ headers, body: slowBody }, async () => {
      await clock.advance(250);
      return 202;
    });
    await vi.waitFor(() => expect(spans()).toHaveLength(2));
    const [verify, process] = spans();
    expect(verify).toMatchObject({
      name: 'verify orders',
      kind: SpanKind.INTERNAL,
      attributes: {
        'countersign.endpoint': 'orders',
        'countersign.scheme': 'standard-webhooks',
        'countersign.key.role': 'current',
      },
    });
    expect(milliseconds(verify?.duration ?? [0, 0])).toBeCloseTo(1500, 0);
    expect(process).toMatchObject({
      name: 'process orders',
      kind: SpanKind.CONSUMER,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'countersign.outcome': 'handled',
        'countersign.endpoint': 'orders',
        'http.response.status_code': 202,
        'messaging.message.id': id,
        'messaging.operation.type': 'process',
      },
    });
    expect(milliseconds(process?.duration ?? [0, 0])).toBeCloseTo(250, 0);
  });

  it('say why: a refusal, a duplicate, a handler that threw, a status that releases', async () => {
    const { tracerProvider, spans } = tracers();
    const verifier = verifierWith(observeWithOpenTelemetry({ tracerProvider, meterProvider: false }));
    await verifier.handle(delivery({ secret: FOREIGN }), () => undefined);
    const first = delivery();
    await verifier.handle(first, () => undefined);
    await verifier.handle(first, () => undefined);
    await verifier.handle(delivery(), () => Promise.reject(new Error('no database')));
    await verifier.handle(delivery(), () => 409);
    await vi.waitFor(() => expect(spans()).toHaveLength(9));
    const shown = spans().map(({ name, status, attributes, events }) => [
      name.split(' ')[0],
      attributes['countersign.outcome'] ?? attributes['countersign.code'] ?? 'verified',
      status.code === SpanStatusCode.ERROR ? (status.message ?? 'error') : 'ok',
      ...events.map((event) => event.attributes?.['exception.message']),
    ]);
    const code = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';
    expect(shown).toEqual([
      ['verify', code, code],
      ['verify', 'verified', 'ok'],
      ['process', 'handled', 'ok'],
      ['verify', 'verified', 'ok'],
      ['process', 'duplicate', 'ok'],
      ['verify', 'verified', 'ok'],
      ['process', 'failed', 'error', 'no database'],
      ['verify', 'verified', 'ok'],
      ['process', 'failed', 'error'],
    ]);
  });

  it("are children of the server's span, and inWebhookSpan() makes yours children of the handler's", async () => {
    const { tracerProvider, spans } = tracers();
    const tracer = tracerProvider.getTracer('test');
    const verifier = verifierWith(observeWithOpenTelemetry({ tracerProvider, meterProvider: false }));
    const app = express();
    // As the HTTP instrumentation does it.
    app.use((request, _response, next) => {
      const span = tracer.startSpan(`server ${request.url}`);
      context.with(trace.setSpan(context.active(), span), next);
      span.end();
    });
    app.post('/hooks', webhook(verifier), async (request, response) => {
      await tracer.startActiveSpan('plain', async (span) => {
        await new Promise((resolve) => setImmediate(resolve));
        span.end();
      });
      await inWebhookSpan(request.webhook, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        tracer.startSpan('nested').end();
      });
      response.sendStatus(204);
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    const { headers, body } = delivery();
    const url = `http://127.0.0.1:${portOf(server)}/hooks`;
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(204);
    await vi.waitFor(() => expect(spans()).toHaveLength(5));
    const ids = new Map(spans().map((span) => [span.name, span.spanContext().spanId]));
    const parents = Object.fromEntries(spans().map((span) => [span.name, span.parentSpanContext?.spanId]));
    expect(parents).toEqual({
      'server /hooks': undefined,
      'verify orders': ids.get('server /hooks'),
      'process orders': ids.get('server /hooks'),
      plain: ids.get('server /hooks'),
      nested: ids.get('process orders'),
    });
  });

  it('of handlers that never end are bounded, and inWebhookSpan() without a span just runs the work', async () => {
    const { tracerProvider, spans } = tracers();
    const observe = observeWithOpenTelemetry({ tracerProvider, meterProvider: false });
    const event = { endpoint: 'flood', scheme: 's', key: { id: 'k', role: 'current' as const } };
    for (let count = 0; count < 10_005; count++) observe({ ...event, type: 'claimed', id: `msg_${count}` });
    expect(spans()).toHaveLength(5);
    expect(inWebhookSpan({ endpoint: 'flood', id: 'unknown' }, () => 'done')).toBe('done');
  });
});
