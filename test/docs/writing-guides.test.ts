import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifier, defineScheme, type SchemeDefinition, type SignatureRule } from '@countersign/core';
import { explain } from '@countersign/explain';
import {
  replayStoreCases,
  type SecretProviderTarget,
  type SourceFault,
  secretProviderCases,
  sign,
  tamper,
} from '@countersign/testing';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { configService } from './own-provider.ts';
import { acme, acmeVerifier } from './own-sender.ts';
import { tableStore } from './own-store.ts';

// The pages promise that their examples pass the conformance cases.

test.each([
  ['writing-a-sender', 'own-sender'],
  ['writing-a-store', 'own-store'],
  ['writing-a-provider', 'own-provider'],
])('docs/%s.md shows the %s that is tested here', (page, file) => {
  const text = readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8');
  const tested = readFileSync(new URL(`./${file}.ts`, import.meta.url), 'utf8');
  expect([...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code)).toContain(tested);
});

test('the sender: what it signs is accepted, and what was changed is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-acme-'));
  const secret = `acme_${Buffer.alloc(32, 7).toString('base64')}`;
  writeFileSync(join(folder, 'secret'), secret);
  const verifier = acmeVerifier(join(folder, 'secret'));
  const genuine = sign(acme, { secret, body: '{"id":"evt_1","type":"order.paid"}' });
  const { id, type } = await verifier.verify(genuine);
  expect([id, type]).toEqual(['evt_1', 'order.paid']);
  await expect(verifier.verify(tamper(genuine))).rejects.toMatchObject({
    code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    status: 429,
  });
  await verifier.close();
  rmSync(folder, { recursive: true });
});

test('the sender: explain() finds the content that an own scheme signs', async () => {
  const secret = `acme_${Buffer.alloc(32, 7).toString('base64')}`;
  const { headers, body } = sign(acme, { secret, body: '{"id":"evt_1","type":"order.paid"}' });
  const { definition } = acme;
  const guess = defineScheme({
    ...definition,
    signed: { ...(definition.signed as SignatureRule), content: '{body}.{timestamp}' } as SignatureRule,
  });
  const { causes } = await explain({ scheme: guess, secrets: secret, request: { headers, body } });
  expect(causes[0]).toMatchObject({ code: 'signed-content', certainty: 'proven' });
});

test('the sender: late retries that repeat their signature need a tolerance as long as the retries', async () => {
  const secret = `acme_${Buffer.alloc(32, 7).toString('base64')}`;
  const repeated: SchemeDefinition = {
    ...acme.definition,
    delivery: { ...acme.definition.delivery, retrySpanSeconds: 3600, retrySignature: 'repeated' },
  };
  const late = sign(acme, { secret, body: '{"id":"evt_1"}', timestamp: Date.now() / 1000 - 3500 });
  const verify = async (definition: SchemeDefinition) => {
    const verifier = createVerifier({ scheme: defineScheme(definition), secrets: secret, observe: () => {} });
    await verifier.verify(late).finally(() => verifier.close());
  };
  await expect(verify(repeated)).rejects.toMatchObject({ code: 'ERR_WEBHOOK_TIMESTAMP_TOO_OLD' });
  await expect(verify({ ...repeated, tolerance: { past: 3600, future: 300 } })).resolves.toBeUndefined();
});

describe('the store', () => {
  const make = async () => {
    const db = new Database(':memory:');
    return {
      store: tableStore(db),
      async close() {
        db.close();
      },
    };
  };
  for (const { name, run } of replayStoreCases(make)) test(name, run);
});

describe('the provider', () => {
  for (const { name, run } of secretProviderCases(startConfigService, { limits: ['no-previous'] }))
    test(name, run);
});

const STATUS = { missing: 404, forbidden: 403, broken: 500 } as const;

/** A configuration service on loopback, and the provider that reads it. */
async function startConfigService(): Promise<SecretProviderTarget> {
  let stored: string | undefined;
  let fault: SourceFault | undefined;
  const hanging = new Set<ServerResponse>();
  const server = createServer((_, response) => {
    if (fault === 'hanging') hanging.add(response);
    else if (fault === 'garbage') response.end(`{"value":${JSON.stringify(stored)}`);
    else if (fault !== undefined) response.writeHead(STATUS[fault]).end();
    else if (stored === undefined) response.writeHead(404).end();
    else response.end(stored);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    provider: configService(`http://127.0.0.1:${port}/acme`, 'token'),
    async put(secret) {
      stored = secret;
    },
    fail(next) {
      fault = next;
      for (const response of hanging) response.destroy();
      hanging.clear();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
