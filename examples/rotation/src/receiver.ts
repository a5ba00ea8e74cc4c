// One receiver: every framework at once, each with the routes of some endpoints, plus reports of what happens in them. Started by
// receivers.ts.
import { createServer, type RequestListener } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createVerifier, type ReplayStore, type Verifier, type WebhookEvent } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { redisReplayStore } from '@countersign/redis';
import { sequenceOf } from '@countersign-internal/simulator';
import { Redis } from 'ioredis';
import { SCHEMES } from './endpoints.ts';
import { mount } from './frameworks.ts';
import type { Notice, Order, Route, SecretsReport, StorePlace } from './messages.ts';

/** How soon a delivery whose process was killed may run again. Short, so that it happens within the run. */
const LEASE_SECONDS = 3;
const verifiers = new Map<string, Verifier>();

function tell(notice: Notice): void {
  // The parent may be gone already; then this process ends too.
  if (process.connected) process.send?.(notice, () => undefined);
}

async function start(routes: readonly Route[], place: StorePlace | undefined): Promise<void> {
  const shared = place === undefined ? {} : { replay: await openStore(place) };
  const listeners = new Map<string, RequestListener>();
  for (const { endpoint, vendor, framework, secretsPath } of routes) {
    const verifier = createVerifier({
      scheme: SCHEMES[vendor](),
      secrets: fileSecrets(secretsPath),
      endpoint,
      leaseSeconds: LEASE_SECONDS,
      ...shared,
      observe: (event) => observe(endpoint, event),
    });
    verifiers.set(endpoint, verifier);
    const path = `/hooks/${endpoint}`;
    const listener = await mount(framework, path, verifier, async ({ body, id, key }) => {
      const sequence = sequenceOf(body);
      tell({ type: 'ran', endpoint, sequence, id, role: key.role, pid: process.pid });
      await delay(2 + Math.random() * 20);
      tell({ type: 'finished', endpoint, id, pid: process.pid });
    });
    listeners.set(path, listener);
  }
  // One endpoint whose secrets are broken at this moment must not keep the others from being served: it responds with 503.
  await Promise.allSettled([...verifiers.values()].map((verifier) => verifier.ready()));

  const server = createServer((request, response) => {
    const listener = listeners.get(request.url ?? '');
    if (listener !== undefined) listener(request, response);
    else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') tell({ type: 'listening', port: address.port });
  });
  // Longer than the balancer keeps a connection, so that it never sends into one that is being closed.
  server.keepAliveTimeout = 120_000;
}

async function openStore({ url, prefix }: StorePlace): Promise<ReplayStore> {
  const client = new Redis(url, { enableOfflineQueue: false, lazyConnect: true });
  // The store reports every call that failed; the client would report it a second time.
  client.on('error', () => undefined);
  await client.connect();
  return redisReplayStore({ client, prefix });
}

function observe(endpoint: string, event: WebhookEvent): void {
  if (event.type === 'committed') tell({ type: 'noted', endpoint, id: event.id, pid: process.pid });
  if (event.type === 'secrets-loaded') tell({ type: 'loaded', endpoint, version: event.version });
  if (event.type === 'secrets-failed') tell({ type: 'set refused', endpoint });
}

function reportOf(verifier: Verifier): SecretsReport {
  const { endpoint, state, secrets } = verifier.health();
  const { version, rotatingUntil, keys, lastReload } = secrets;
  return { endpoint, state, version, rotatingUntil, keys, refused: lastReload?.error };
}

process.on('message', (order: Order) => {
  if (order.type === 'start') void start(order.routes, order.store);
  else tell({ type: 'report', request: order.request, secrets: [...verifiers.values()].map(reportOf) });
});
// A terminal sends Ctrl-C to every process; the parent decides when this one ends, and takes it along however it ends itself.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
