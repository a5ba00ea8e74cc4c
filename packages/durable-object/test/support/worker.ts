// The Worker of the tests: it calls the store as it is told, and receives webhooks.

import { createVerifier, isWebhookError, type ReplayStore } from '@countersign/core';
import {
  CountersignReplay,
  type DurableObjectNamespaceLike,
  durableObjectReplayStore,
} from '@countersign/durable-object';
import { webhookHandler } from '@countersign/fetch';
import { standardWebhooks } from '@countersign/schemes';

export { CountersignReplay };

interface Env {
  readonly REPLAY: DurableObjectNamespaceLike;
  readonly OTHER: DurableObjectNamespaceLike;
  readonly SECRET: string;
}

/** What a test asks for. */
export interface StoreCall {
  readonly name: string;
  readonly other?: boolean;
  readonly method: 'claim' | 'renew' | 'commit' | 'release' | 'forget';
  readonly args: readonly unknown[];
}

/** What is plain in the benchmark: an object that remembers an id, and nothing more. */
export class Plain {
  readonly #sql: { exec(query: string, ...bindings: unknown[]): { toArray(): unknown[] } };

  constructor(state: {
    storage: { sql: { exec(query: string, ...bindings: unknown[]): { toArray(): unknown[] } } };
  }) {
    this.#sql = state.storage.sql;
    this.#sql.exec('CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY) WITHOUT ROWID');
  }

  async fetch(request: Request): Promise<Response> {
    const { id } = (await request.json()) as { id: string };
    return Response.json(
      this.#sql.exec('INSERT OR IGNORE INTO seen VALUES (?) RETURNING 1', id).toArray().length,
    );
  }
}

let runs = 0;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (new URL(request.url).pathname === '/hooks') {
      const verifier = createVerifier({
        scheme: standardWebhooks(),
        secrets: env.SECRET,
        replay: durableObjectReplayStore({ namespace: env.REPLAY }),
        observe: () => undefined,
      });
      return webhookHandler(verifier, () => new Response(String(++runs)))(request);
    }
    const { name, method, args, other } = (await request.json()) as StoreCall;
    const store: ReplayStore = durableObjectReplayStore({
      namespace: other === true ? env.OTHER : env.REPLAY,
      ...{ name, timeoutMs: 60_000 },
    });
    try {
      return Response.json({ result: await Reflect.apply(store[method], store, args) });
    } catch (error) {
      if (!isWebhookError(error)) throw error;
      return Response.json({ error: { code: error.code, message: error.message } });
    }
  },
};
