import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGES, ROOT } from './packages.ts';

export interface Snippet {
  /** The name of a TypeScript file. */
  readonly file: string;
  readonly code: string;
}

/** What the snippets of any README leave to the reader, by the names they use. */
const COMMON: Readonly<Record<string, string>> = {
  verifier: "declare const verifier: import('@countersign/core').Verifier;",
  save: 'declare function save(...values: unknown[]): Promise<void>;',
  server: "declare const server: import('node:http').Server;",
};

const STORE = "declare const store: import('@countersign/postgres').PostgresReplayStore;";
const CLIENT = 'declare const client: { quit(): Promise<unknown> };';

const OF_PAGE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'packages/core/README.md': {
    app: "declare const app: import('express').Express;",
    webhook: "import { webhook } from '@countersign/express';",
    req: "declare const req: import('node:http').IncomingMessage;",
    bytes: 'declare const bytes: Uint8Array;',
    db: 'declare const db: { findTenant(name: string): Promise<{ webhookSecret: string } | undefined> };',
    store: "declare const store: import('@countersign/core').ReplayStore;",
  },
  'packages/express/README.md': {
    client: CLIENT,
    app: "declare const app: import('express').Express;",
    store: STORE,
  },
  'packages/fastify/README.md': {
    app: "declare const app: import('fastify').FastifyInstance;",
    client: CLIENT,
    store: STORE,
  },
  'packages/fetch/README.md': { app: "declare const app: import('hono').Hono;", store: STORE },
  'packages/koa/README.md': {
    router: "declare const router: import('@koa/router').default;",
    client: CLIENT,
    store: STORE,
  },
  'packages/nestjs/README.md': {
    Controller: "import { Controller, Logger, Module, Post } from '@nestjs/common';",
    webhook: "declare const webhook: import('@countersign/nestjs').ReceivedWebhook;",
    contentType: 'declare const contentType: string;',
    HooksController: 'export interface HooksController { events: { save(event: unknown): Promise<void> } }',
  },
  'packages/schemes/README.md': {
    defineScheme: "import { defineScheme } from '@countersign/core';",
    fetchKey:
      "declare const fetchKey: Parameters<typeof import('@countersign/schemes/jwt').plaidKeys>[0]['fetchKey'];",
  },
  'packages/secrets/README.md': {
    client: "declare const client: import('@aws-sdk/client-secrets-manager').SecretsManager;",
    credential: "declare const credential: import('@azure/core-auth').TokenCredential;",
  },
  'packages/opentelemetry/README.md': { app: "declare const app: import('express').Express;" },
  'packages/testing/README.md': {
    url: 'declare const url: string;',
    secret: 'declare const secret: string;',
    previousSecret: 'declare const previousSecret: string;',
    adapterCases: "import { adapterCases } from '@countersign/testing';",
    replayStoreCases: "import { replayStoreCases } from '@countersign/testing';",
    test: 'declare function test(name: string, run: () => Promise<void>): void;',
    mountMyAdapter: "declare const mountMyAdapter: import('@countersign/testing').AdapterMount;",
    secretProviderCases: "import { secretProviderCases } from '@countersign/testing';",
    makeMyProvider: 'declare const makeMyProvider: Parameters<typeof secretProviderCases>[0];',
    makeMyStore: 'declare const makeMyStore: Parameters<typeof replayStoreCases>[0];',
  },
};

/** The TypeScript blocks of a README. */
export function blocksOf(readme: string): string[] {
  return [...readFileSync(join(ROOT, readme), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code = '']) => code,
  );
}

/** Every TypeScript block of the README files, each with declarations of the names that it uses but leaves to the reader. */
export function readmeSnippets(): Snippet[] {
  return ['.', ...PACKAGES].flatMap((folder) =>
    snippetsOf(join(folder, 'README.md'), folder.replace('.', 'root').replace('/', '-')),
  );
}

function snippetsOf(page: string, name: string): Snippet[] {
  return blocksOf(page).map((code, index) => ({
    file: `${name}-${index + 1}.ts`,
    code: withNames(code, OF_PAGE[page]),
  }));
}

/** A block as a module, with declarations of the names that it uses but leaves to the reader. */
export function withNames(code: string, names: Readonly<Record<string, string>> = {}): string {
  return `${preludeOf(code, { ...COMMON, ...names })}${code}\nexport {};\n`;
}

function preludeOf(code: string, names: Readonly<Record<string, string>>): string {
  const needed = Object.entries(names).filter(([name]) => {
    const own = new RegExp(
      `(?:\\b(?:const|let|function) |^import \\{[^}]*|^const \\{[^}]*)\\b${name}\\b`,
      'm',
    );
    return new RegExp(`\\b${name}\\b`).test(code) && !own.test(code);
  });
  return needed.map(([, declaration]) => `${declaration}\n`).join('');
}
