import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isWebhookError, type ReceivedWebhook, replayRecord } from '@countersign/core';
import type { PostgresReplayStore } from '@countersign/postgres';
import type pg from 'pg';
import { type HandlerPlan, handlerOf } from '../plan.ts';
import { sequenceOf } from '../simulators.ts';
import { currentAttempt } from './attempt.ts';
import type { HandlerResponse } from './frameworks.ts';
import type { LedgerLink } from './ledger-link.ts';
import { EFFECTS, type RouteSetup } from './setup.ts';

export interface HandlerTools {
  readonly instance: string;
  readonly seed: number;
  readonly ledger: LedgerLink;
  readonly pool: pg.Pool;
  readonly store: PostgresReplayStore;
}

export type Handle = (webhook: ReceivedWebhook) => Promise<HandlerResponse>;

const PIECE = 'x'.repeat(16 * 1024);
const PIECES = 24;

let runs = 0;

/** The handler of a route: works as the plan says, has its effect once, and reports each step to the ledger. */
export function handlerFor(route: RouteSetup, tools: HandlerTools): Handle {
  return route.store === 'transaction' ? inTransaction(route, tools) : underLease(route, tools);
}

function underLease(route: RouteSetup, tools: HandlerTools): Handle {
  return (webhook) => new Run(route, tools, webhook).whole((run) => run.effect());
}

function inTransaction(route: RouteSetup, tools: HandlerTools): Handle {
  const { pool, store, ledger } = tools;
  return async (webhook) => {
    try {
      const client = await pool.connect();
      let failed = true;
      try {
        const { state, result } = (await store.run(client, webhook, (transaction) => {
          const run = new Run(route, tools, webhook);
          return run.whole(async () => {
            const row = [run.id, sequenceOf(webhook.body)];
            await transaction.query(`INSERT INTO ${EFFECTS} (run, sequence) VALUES ($1, $2)`, row);
          });
        })) as { state: string; result?: HandlerResponse };
        failed = false;
        return state === 'duplicate' ? { status: 200 } : (result ?? { status: 204 });
      } finally {
        client.release(failed);
      }
    } catch (error) {
      if (error instanceof PlannedFailure) return { status: error.status };
      const code = isWebhookError(error) ? error.code : 'ERR_WEBHOOK_STORE_UNAVAILABLE';
      ledger.tell({ did: 'refuse', attempt: currentAttempt(), code, status: 503 });
      return { status: 503 };
    }
  };
}

/** One run of a handler. */
class Run {
  readonly id: string;
  readonly #route: RouteSetup;
  readonly #tools: HandlerTools;
  readonly #webhook: ReceivedWebhook;

  constructor(route: RouteSetup, tools: HandlerTools, webhook: ReceivedWebhook) {
    this.id = `${tools.instance}:${++runs}`;
    this.#route = route;
    this.#tools = tools;
    this.#webhook = webhook;
  }

  async whole(effect: (run: Run) => Promise<void>): Promise<HandlerResponse> {
    const { ledger, seed } = this.#tools;
    const { body, key } = this.#webhook;
    const sequence = sequenceOf(body) ?? 0;
    const plan = handlerOf(seed, sequence);
    let status: number | 'threw' = 'threw';
    try {
      const { times } = await ledger.ask({
        did: 'start',
        run: this.id,
        attempt: currentAttempt(),
        endpoint: this.#route.endpoint,
        mode: this.#route.store,
        sequence,
        key: replayRecord(this.#webhook).key,
        keyId: key.id,
        body: createHash('sha256').update(body).digest('hex'),
      });
      if (plan.workMs > 0) await sleep(plan.workMs);
      if (times <= plan.failures) {
        const response = fail(plan, this.#route);
        status = response.status;
        return response;
      }
      await effect(this);
      const response = responseOf(plan);
      status = response.status;
      return response;
    } finally {
      ledger.tell({ did: 'end', run: this.id, status });
    }
  }

  async effect(): Promise<void> {
    await this.#tools.ledger.ask({ did: 'effect', run: this.id });
  }
}

/** A failure of the plan. In a transaction it must undo everything. */
class PlannedFailure extends Error {
  readonly status = 500;
}

function fail({ failsBy }: HandlerPlan, { store }: RouteSetup): HandlerResponse {
  if (failsBy === 'throwing' || store === 'transaction') throw new PlannedFailure('The plan has it fail.');
  return { status: 500, text: 'failed' };
}

function responseOf({ response }: HandlerPlan): HandlerResponse {
  if (response === 'empty') return { status: 204 };
  if (response === 'text') return { status: 200, text: 'done' };
  return { status: 200, pieces: Array.from({ length: PIECES }, () => PIECE) };
}
