import { createServer, type Server, request as sendRequest } from 'node:http';
import { createVerifier, type Verifier, type VerifierOptions } from '@countersign/core';
import { webhook } from '@countersign/express';
import { observeWithOpenTelemetry } from '@countersign/opentelemetry';
import { redisReplayStore } from '@countersign/redis';
import { standardWebhooks } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import express from 'express';
import { Redis } from 'ioredis';
import { portOf } from '../../support/listen.ts';

const OLD = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const NEW = 'whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3';
const scheme = standardWebhooks();

/** A receiver with one endpoint for each thing that can go wrong, and one that is well. */
export interface TroubledReceiver {
  /** Where its metrics are, as `host:port`. */
  readonly metrics: string;
  /** Sends one delivery to each endpoint, or what its trouble is made of. */
  send(): Promise<void>;
  close(): Promise<void>;
}

/** @param redisUrl The replay store of the endpoint `store`. The test takes it down. */
export async function startTroubledReceiver(redisUrl: string): Promise<TroubledReceiver> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ readers: [exporter] });
  const verifiers = new Map<string, Verifier>();
  const observe = observeWithOpenTelemetry({
    ...{ meterProvider, tracerProvider: false },
    verifiers: () => verifiers.values(),
  });
  const redis = new Redis(redisUrl, { enableOfflineQueue: false, retryStrategy: () => 100 });
  redis.on('error', () => undefined);
  await new Promise((resolve) => redis.once('ready', resolve));
  const soon = new Date(Date.now() + 1000).toISOString();
  let isVaultUp = true;
  const options: Record<string, Partial<VerifierOptions>> = {
    well: {
      secrets: { current: NEW, previous: { secret: OLD, notAfter: new Date(Date.now() + 3_600_000) } },
    },
    mismatch: { secrets: NEW },
    rotation: { secrets: { current: NEW, previous: OLD, rotating: { until: soon } } },
    ended: { secrets: { current: NEW, previous: { secret: OLD, notAfter: soon } } },
    stale: {
      secrets: async () => {
        if (!isVaultUp) throw new Error('the vault is sealed');
        return { current: OLD };
      },
      reload: { intervalSeconds: 1 },
    },
    store: { secrets: OLD, replay: redisReplayStore({ client: redis, prefix: `operation:${process.pid}:` }) },
    failing: { secrets: OLD },
    overload: { secrets: OLD, maxPendingBytes: 65_536 },
  };
  for (const [endpoint, more] of Object.entries(options)) {
    verifiers.set(endpoint, createVerifier({ ...{ scheme, secrets: OLD, endpoint, observe }, ...more }));
  }
  await Promise.all([...verifiers.values()].map((verifier) => verifier.ready()));
  isVaultUp = false;

  const app = express();
  app.get('/metrics', (request, response) => exporter.getMetricsRequestHandler(request, response));
  app.post(
    '/hooks/:endpoint',
    webhook((request) => verifiers.get(String(request.params.endpoint))),
    (request, response) => {
      response.sendStatus(request.params.endpoint === 'failing' ? 500 : 204);
    },
  );
  const server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const host = `127.0.0.1:${portOf(server)}`;
  // A body that never ends: it takes the bytes that others need.
  const endless = holdBody(`http://${host}/hooks/overload`);

  return {
    metrics: host,
    async send() {
      await Promise.all(
        Object.keys(options).map(async (endpoint) => {
          const secrets = endpoint === 'well' ? [NEW, OLD] : endpoint === 'ended' ? [NEW, OLD] : [OLD];
          for (const secret of secrets) await post(`http://${host}/hooks/${endpoint}`, secret);
        }),
      );
    },
    async close() {
      endless.destroy();
      await stop(server);
      await Promise.all([...verifiers.values()].map((verifier) => verifier.close()));
      redis.disconnect();
      await meterProvider.shutdown();
    },
  };
}

async function post(url: string, secret: string): Promise<void> {
  const { headers, body } = sign(scheme, { secret, id: `msg_${crypto.randomUUID()}`, body: '{}' });
  const response = await fetch(url, { method: 'POST', headers, body });
  await response.arrayBuffer();
}

function holdBody(url: string) {
  const { headers } = sign(scheme, { secret: OLD, id: 'msg_endless', body: '{}' });
  const request = sendRequest(url, { method: 'POST', headers: { ...headers, 'content-length': '70000' } });
  request.on('error', () => undefined);
  request.write(Buffer.alloc(65_536, ' '));
  return request;
}

function stop(server: Server): Promise<void> {
  const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return stopped;
}
