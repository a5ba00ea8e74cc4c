const TENANTS =
  'declare const db: { findTenant(name: string): Promise<{ webhookSecret: string; secrets: { stripe: string; github: string } } | undefined> };';

/** What the snippets of a page leave to the reader, by the names they use. */
export const NAMES_OF_PAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docs/operating.md': {
    app: "declare const app: import('express').Express;",
    express: "import express from 'express';",
    oldHandler: "declare const oldHandler: import('express').RequestHandler;",
    db: TENANTS,
  },
  'docs/agents.md': {
    db: TENANTS,
    url: 'declare const url: string;',
    secret: 'declare const secret: string;',
    previousSecret: 'declare const previousSecret: string;',
  },
  'docs/several-instances.md': { client: 'declare const client: { quit(): Promise<unknown> };' },
  'docs/many-tenants.md': { db: TENANTS },
  'docs/writing-an-adapter.md': {
    handlerStarted: "import { handlerEnded, handlerStarted } from '@countersign/core/extend';",
    response: "declare const response: import('node:http').ServerResponse;",
    webhook: "declare const webhook: import('@countersign/core').ReceivedWebhook;",
    handler:
      "declare const handler: (webhook: import('@countersign/core').ReceivedWebhook, response: object) => Promise<void>;",
  },
};
