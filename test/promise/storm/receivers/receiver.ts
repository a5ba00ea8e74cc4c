// One receiver, in a process of its own, which the storm kills, stops and starts again. Started by fleet.ts.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Clock,
  createVerifier,
  functionSecrets,
  type SecretProvider,
  type WebhookEvent,
} from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { postgresReplayStore } from '@countersign/postgres';
import { redisReplayStore } from '@countersign/redis';
import pg from 'pg';
import { SCHEMES } from '../endpoints.ts';
import { HANDLER_TIMEOUT_SECONDS, LEASE_SECONDS, machineTime } from '../settings.ts';
import { currentAttempt, withAttempt } from './attempt.ts';
import { pauseBlindClock, skewedClock } from './clocks.ts';
import { mount, type Route } from './frameworks.ts';
import { handlerFor } from './handlers.ts';
import { LedgerLink } from './ledger-link.ts';
import { naiveWebhook } from './naive-adapter.ts';
import { openRedis } from './redis-clients.ts';
import type { ReceiverSetup, RouteSetup } from './setup.ts';
import { watchedStore } from './watched-store.ts';

const setup = JSON.parse(process.argv[2] ?? '{}') as ReceiverSetup;
const { instance, seed, putBack } = setup;
const BEAT_MS = 50;
const STALL_MS = 300;
const READY_MS = 3000;

const ledger = await LedgerLink.open(setup.ledgerPort);
const skewed = skewedClock(setup.skewMs);
const clock: Clock = putBack === 'P2' ? pauseBlindClock(skewed) : skewed;

const pool = new pg.Pool({
  connectionString: setup.postgres.url,
  max: 10,
  connectionTimeoutMillis: 1500,
});
pool.on('error', () => undefined);
pool.on('connect', (client) => client.on('error', () => undefined));
const postgres = postgresReplayStore({ pool, clock });
const redis = redisReplayStore({ client: await openRedis(setup.redis) });

// The first delivery must not pay for the first connection.
await pool.query('SELECT 1').catch(() => undefined);

const routes = setup.routes.map((route): Route => {
  const store = route.store === 'redis' ? redis : postgres;
  const verifier = createVerifier({
    scheme: SCHEMES[route.vendor](),
    endpoint: route.endpoint,
    secrets: secretsOf(route),
    replay: watchedStore(store, ledger, seed),
    leaseSeconds: LEASE_SECONDS,
    handlerTimeoutSeconds: HANDLER_TIMEOUT_SECONDS,
    reload: { intervalSeconds: 1, timeoutSeconds: 1, mismatchCooldownSeconds: 0.5 },
    observe: (event) => observe(route, event),
    clock,
  });
  const handle = handlerFor(route, { instance, seed, ledger, pool, store: postgres });
  const claim = route.store === 'transaction' ? 'manual' : 'auto';
  return { path: `/hooks/${route.endpoint}`, verifier, claim, handle };
});

// A source that is down must not keep a receiver from starting: until its set is here, it responds 503.
const patience = new Promise((resolve) => setTimeout(resolve, READY_MS));
await Promise.race([patience, Promise.allSettled(routes.map(({ verifier }) => verifier.ready()))]);

const listener = await mount(setup.framework, routes, putBack === 'P1' ? naiveWebhook : undefined);
const server = createServer(withAttempt(listener));
server.listen(0, '127.0.0.1', () => {
  ledger.tell({ did: 'listen', instance, port: (server.address() as AddressInfo).port });
});

let lastBeat = machineTime();
setInterval(() => {
  const now = machineTime();
  if (now - lastBeat > STALL_MS) ledger.tell({ did: 'stall', from: lastBeat });
  lastBeat = now;
}, BEAT_MS);

function secretsOf({ secrets }: RouteSetup): SecretProvider {
  if ('file' in secrets) return fileSecrets(secrets.file, { pollSeconds: 2 });
  return functionSecrets(async ({ signal }) => {
    const response = await fetch(secrets.url, { signal });
    if (!response.ok) throw new Error(`The secret server responds ${response.status}.`);
    return JSON.parse(await response.text());
  }, 'secret server');
}

function observe({ endpoint }: RouteSetup, event: WebhookEvent): void {
  if (event.type === 'refused') {
    const { code, status } = event;
    ledger.tell({ did: 'refuse', attempt: currentAttempt(), code, status });
  } else if (event.type === 'secrets-loaded') {
    const keys = event.keys.map(({ id }) => id);
    ledger.tell({ did: 'load', endpoint, version: event.version ?? '', keys });
  }
}
