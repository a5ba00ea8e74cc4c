// One receiver: an Express app as a user of Countersign writes it, plus reports of what happens in it. Started by receivers.ts.
import { setTimeout as delay } from 'node:timers/promises';
import { createVerifier, type Verifier, type WebhookEvent } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { webhook } from '@countersign/express';
import { sequenceOf } from '@countersign/testing';
import express from 'express';
import { SCHEMES } from './endpoints.ts';
import type { Notice, Order, Route, SecretsReport } from './messages.ts';

const verifiers = new Map<string, Verifier>();

function tell(notice: Notice): void {
  // The parent may be gone already; then this process ends too.
  if (process.connected) process.send?.(notice, () => undefined);
}

async function start(routes: readonly Route[]): Promise<void> {
  const app = express();
  for (const { endpoint, vendor, secretsPath } of routes) {
    const verifier = createVerifier({
      scheme: SCHEMES[vendor](),
      secrets: fileSecrets(secretsPath),
      endpoint,
      observe: (event) => observe(endpoint, event),
    });
    verifiers.set(endpoint, verifier);
    app.post(`/hooks/${endpoint}`, webhook(verifier), async (req, res) => {
      const { body, key } = req.webhook;
      tell({ type: 'ran', endpoint, sequence: sequenceOf(body), role: key.role, pid: process.pid });
      await delay(2 + Math.random() * 20);
      res.sendStatus(204);
    });
  }
  await Promise.all([...verifiers.values()].map((verifier) => verifier.ready()));

  const server = app.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') tell({ type: 'listening', port: address.port });
  });
  // Longer than the balancer keeps a connection, so that it never sends into one that is being closed.
  server.keepAliveTimeout = 120_000;
}

function observe(endpoint: string, event: WebhookEvent): void {
  if (event.type === 'refused') tell({ type: 'refused', endpoint, code: event.code });
  if (event.type === 'secrets-loaded') tell({ type: 'loaded', endpoint, version: event.version });
  if (event.type === 'secrets-failed') tell({ type: 'set refused', endpoint });
}

function reportOf(verifier: Verifier): SecretsReport {
  const { endpoint, state, secrets } = verifier.health();
  return { endpoint, state, version: secrets.version, refused: secrets.lastRefresh?.error };
}

process.on('message', (order: Order) => {
  if (order.type === 'start') void start(order.routes);
  else tell({ type: 'report', request: order.request, secrets: [...verifiers.values()].map(reportOf) });
});
// A terminal sends Ctrl-C to every process; the parent decides when this one ends, and takes it along however it ends itself.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
