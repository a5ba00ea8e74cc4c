import { type Clock, type ReplayStore, replayRecord, type VerifiedWebhook } from '@countersign/core';
import {
  type ClaimResult,
  type ClaimToken,
  checkClaimTimes,
  checkCommitTimes,
  checkDuration,
  checkKeys,
  checkNumber,
  claimOwner,
  configError,
  inProgress,
  type LeasedRunResult,
  observedRun,
  type ReplayStoreHealth,
  replayKeyDigest,
  runUnderLease,
  systemClock,
  withDeadline,
} from '@countersign/core/extend';

import { checkClient, type DynamoClient, type TransactWriteItem, type UpdateInput } from './client.ts';
import { checkTable } from './migrate.ts';
import * as records from './records.ts';
import {
  cancellationsOf,
  errorNameOf,
  isConditionFailed,
  isConflict,
  overdue,
  storeError,
} from './store-error.ts';

/** Options of {@link dynamodbReplayStore}. */
export interface DynamodbReplayStoreOptions {
  /** `new DynamoDB()` of `@aws-sdk/client-dynamodb`. You configure and close it. */
  client: DynamoClient;
  /** The name or ARN of the table. */
  table: string;
  /** The deadline of one call, including the SDK's own retries, in milliseconds. Default: 3000. */
  timeoutMs?: number;
  /**
   * By how much the clocks of two instances may differ, in milliseconds. A lapsed lease is taken over, and a record is forgotten,
   * only after this time. Default: 1000.
   */
  clockSkewMs?: number;
  /** The clock, because a condition can't use DynamoDB's time. Default: the machine's. */
  clock?: Clock;
}

/** Options of {@link DynamodbReplayStore.run}. */
export interface RunOptions {
  /** How long the claim lasts if it is not renewed, in seconds. Default: 30. */
  leaseSeconds?: number;
}

/** Collects the handler's writes, which are written together with the record of the delivery. */
export interface Transaction {
  /** Adds one write for `transactWriteItems()`: at most 99 in all, each to a different item. */
  write(item: TransactWriteItem): void;
}

/** A replay store on DynamoDB. */
export interface DynamodbReplayStore extends ReplayStore {
  /**
   * Transactional mode: runs the handler, and writes the items that it adds together with the record of the delivery, in one
   * `TransactWriteItems`. Either both happen or neither does, and a crash at any moment leaves exactly one effect. For handlers
   * behind an adapter's `claim: 'manual'`.
   *
   * While the handler runs, the store renews the lease of the delivery. If the lease is lost anyway, nothing is written.
   *
   * @param webhook The delivery, as it comes from a verifier.
   * @param handler Adds its writes to the transaction. What it returns is the `result`.
   * @throws `ERR_WEBHOOK_IN_PROGRESS`, `ERR_WEBHOOK_STORE_UNAVAILABLE`, `ERR_WEBHOOK_CONFIG_INVALID`, whatever the handler
   * throws, or the SDK's own error if DynamoDB refuses one of the handler's writes: `TransactionCanceledException`,
   * `ValidationException`.
   * @example
   * ```ts
   * const { state } = await store.run(webhook, (transaction) => {
   *   transaction.write({ Put: { TableName: 'orders', Item: { id: { S: order.id } } } })
   * })
   * ```
   */
  run<T>(
    webhook: VerifiedWebhook,
    handler: (transaction: Transaction) => T | Promise<T>,
    options?: RunOptions,
  ): Promise<LeasedRunResult<T>>;
  /**
   * Forgets a handled delivery, so that it runs when it is delivered again. Returns `false` if the key does not belong to a
   * handled delivery. A delivery that is being handled is not changed.
   */
  forget(key: string): Promise<boolean>;
  health(): ReplayStoreHealth;
}

const KNOWN = ['client', 'table', 'timeoutMs', 'clockSkewMs', 'clock'];
const ROUNDS = 3;
const CONFLICT_TRIES = 5;
const SOON_MS = 1000;
const MOST_WRITES = 99;
/** Two hundred years. */
const LONGEST_MS = 1000 * 86_400 * 365 * 200;

/**
 * A replay store on DynamoDB, for any number of instances in one region. Create its table from `tableDefinition()`, or with
 * `migrate()`.
 *
 * Every step is one conditional write. For a duplicate, DynamoDB refuses the condition and returns the item. Taking over a lapsed
 * or released claim is a second write. The time is the instance's: see `clockSkewMs`.
 *
 * Its methods throw `ERR_WEBHOOK_CONFIG_INVALID` for an empty key and for times that aren't positive, and
 * `ERR_WEBHOOK_STORE_UNAVAILABLE`, within `timeoutMs`, for everything that DynamoDB refuses or does not respond to.
 *
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` if an option is missing, unknown or out of range.
 *
 * @example
 * ```ts
 * const replay = dynamodbReplayStore({ client: new DynamoDB(), table: 'webhooks' })
 * const verifier = createVerifier({ scheme, secrets, replay })
 * ```
 */
export function dynamodbReplayStore(options: DynamodbReplayStoreOptions): DynamodbReplayStore {
  options = checkKeys('dynamodbReplayStore()', options, KNOWN);
  const { client, clock = systemClock } = options;
  checkClient('dynamodbReplayStore()', client);
  if (typeof clock?.schedule !== 'function' || typeof clock.now !== 'function') {
    throw configError('"clock" must be a clock with now(), monotonic() and schedule().');
  }
  return new ItemReplayStore({
    client,
    table: checkTable(options.table),
    timeoutMs: checkNumber('timeoutMs', options.timeoutMs, { min: 1, max: 600_000, fallback: 3000 }),
    clockSkewMs: checkNumber('clockSkewMs', options.clockSkewMs, { min: 0, max: 3_600_000, fallback: 1000 }),
    clock,
  });
}

type Call = (client: DynamoClient, options: { abortSignal: AbortSignal }) => Promise<unknown>;
type Times = { leaseMs: number; fenceTtlMs: number };

class ItemReplayStore implements DynamodbReplayStore {
  readonly #options: Required<DynamodbReplayStoreOptions>;

  constructor(options: Required<DynamodbReplayStoreOptions>) {
    this.#options = options;
  }

  async claim(key: string, options: Times): Promise<ClaimResult> {
    const digest = replayKeyDigest(key);
    const { leaseMs, fenceTtlMs } = checkClaimTimes(options);
    const times = { leaseMs: capped(leaseMs), fenceTtlMs: capped(fenceTtlMs) };
    const giveBack = (result: ClaimResult) =>
      result.state === 'claimed' ? this.release(key, result.token) : undefined;
    return this.#inTime((ask) => this.#claim(ask, digest, times), giveBack);
  }

  async renew(key: string, token: ClaimToken, leaseMs: number): Promise<boolean> {
    const digest = replayKeyDigest(key);
    const lease = capped(checkDuration('leaseMs', leaseMs));
    return this.#change(token, (now) => records.renewal(this.#options.table, digest, token, lease, now));
  }

  async commit(
    key: string,
    token: ClaimToken,
    options: { ttlMs: number; replayWindowMs: number },
  ): Promise<boolean> {
    const digest = replayKeyDigest(key);
    const ttlMs = capped(checkCommitTimes(options).ttlMs);
    return this.#change(token, (now) => records.commit(this.#options.table, digest, token, ttlMs, now));
  }

  async release(key: string, token: ClaimToken): Promise<boolean> {
    const digest = replayKeyDigest(key);
    return this.#change(token, (now) => records.release(this.#options.table, digest, token, now));
  }

  async forget(key: string): Promise<boolean> {
    const digest = replayKeyDigest(key);
    const { table, clock } = this.#options;
    const isHandled = records.condition('attribute_not_exists(#leaseUntil) AND #keptUntil > :now', {
      ':now': records.numeric(clock.now()),
    });
    return this.#inTime(async (ask) => {
      const found = records.recordOf(await this.#look(ask, digest));
      if (found === undefined || found.leaseUntil !== undefined || found.keptUntil <= clock.now())
        return false;
      const input = { TableName: table, Key: { key: { B: digest } }, ...isHandled };
      if (await succeeded(ask((client, options) => client.deleteItem(input, options)))) return true;
      // The SDK sent the call twice, because the first response was lost.
      return (await this.#look(ask, digest)) === undefined;
    });
  }

  async run<T>(
    webhook: VerifiedWebhook,
    handler: (transaction: Transaction) => T | Promise<T>,
    options: RunOptions = {},
  ): Promise<LeasedRunResult<T>> {
    options = checkKeys('run()', options, ['leaseSeconds']);
    const leaseMs =
      checkNumber('leaseSeconds', options.leaseSeconds, { min: 1, max: 3600, fallback: 30 }) * 1000;
    if (typeof handler !== 'function')
      throw configError('The handler of run() must be a function: (transaction) => …');
    const { key, ttlMs } = replayRecord(webhook);
    const lease = {
      ...{ clock: this.#options.clock, leaseMs },
      claim: () => this.claim(key, { leaseMs, fenceTtlMs: ttlMs }),
      renew: (token: ClaimToken) => this.renew(key, token, leaseMs),
      release: (token: ClaimToken) => this.release(key, token),
    };
    return observedRun({ webhook, clock: lease.clock, handler }, (observed) =>
      runUnderLease(lease, async (token) => {
        const writes: TransactWriteItem[] = [];
        const result = await observed({ write: (item) => void writes.push(item) });
        if (writes.length > MOST_WRITES) {
          throw configError(
            `A transaction of run() has at most ${MOST_WRITES} writes, and its handler added ${writes.length}.`,
          );
        }
        await this.#writeAll(replayKeyDigest(key), token, capped(ttlMs), writes);
        return result;
      }),
    );
  }

  health(): ReplayStoreHealth {
    return { name: 'dynamodb', warnings: [] };
  }

  async #claim(ask: Ask, digest: Uint8Array, times: Times): Promise<ClaimResult> {
    const { table, clock, clockSkewMs } = this.#options;
    const owner = claimOwner();
    const put = async (
      fencingToken: number,
      expression: string,
      values: UpdateInput['ExpressionAttributeValues'],
    ) => {
      const token = { fencingToken, owner };
      const input = {
        TableName: table,
        Item: records.claimedItem(digest, token, times, clock.now()),
        ...records.condition(expression, values ?? {}),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
      };
      try {
        await ask((client, options) => client.putItem(input, options));
        return { state: 'claimed' as const, token };
      } catch (error) {
        if (!isConditionFailed(error)) throw error;
        return records.recordOf(error.Item) ?? records.recordOf(await this.#look(ask, digest));
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      const gone = records.numeric(clock.now() - clockSkewMs);
      const first = await put(1, 'attribute_not_exists(#key) OR #keptUntil <= :gone', { ':gone': gone });
      const found = first === undefined || 'state' in first ? first : this.#stateFor(first, owner);
      if (found === undefined) continue;
      if ('state' in found) return found;
      const holder = found.owner === undefined ? 'attribute_not_exists(#owner)' : '#owner = :holder';
      const second = await put(
        found.fencingToken + 1,
        `${holder} AND #fencingToken = :fencingToken AND #leaseUntil = :until`,
        {
          ...(found.owner === undefined ? {} : { ':holder': { S: found.owner } }),
          ':fencingToken': records.numeric(found.fencingToken),
          ':until': records.numeric(found.leaseUntil ?? 0),
        },
      );
      const taken = second === undefined || 'state' in second ? second : this.#stateFor(second, owner);
      if (taken !== undefined && 'state' in taken) return taken;
    }
    return { state: 'in-progress', retryAfterMs: Math.min(Math.ceil(times.leaseMs), SOON_MS) };
  }

  /**
   * What an existing item means for a claim: the item itself if the claim may take it over; `undefined` if the item is about to
   * be removed.
   */
  #stateFor(found: records.StoredRecord, owner: string): ClaimResult | records.StoredRecord | undefined {
    const { clock, clockSkewMs } = this.#options;
    const now = clock.now();
    // The SDK sent the claim twice, because the first response was lost.
    if (found.owner === owner)
      return { state: 'claimed', token: { fencingToken: found.fencingToken, owner } };
    if (found.keptUntil <= now - clockSkewMs) return undefined;
    if (found.leaseUntil === undefined) return { state: 'committed' };
    if (found.owner === undefined || found.leaseUntil <= now - clockSkewMs) return found;
    const leftMs = found.leaseUntil - now;
    return { state: 'in-progress', retryAfterMs: Math.ceil(leftMs > 0 ? leftMs : leftMs + clockSkewMs) };
  }

  async #look(ask: Ask, digest: Uint8Array): Promise<unknown> {
    const input = { TableName: this.#options.table, Key: { key: { B: digest } }, ConsistentRead: true };
    const output = await ask((client, options) => client.getItem(input, options));
    return (output as { Item?: unknown }).Item;
  }

  /** What only the holder of a claim may do. `false`: this token no longer holds the claim. */
  async #change(token: ClaimToken, inputAt: (now: number) => UpdateInput): Promise<boolean> {
    if (!isToken(token)) return false;
    const input: UpdateInput = {
      ...inputAt(this.#options.clock.now()),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
    return this.#inTime(async (ask) => {
      try {
        await ask((client, options) => client.updateItem(input, options));
        return true;
      } catch (error) {
        if (!isConditionFailed(error)) throw error;
        const call = (input.ExpressionAttributeValues?.[':call'] as { S: string } | undefined)?.S;
        if (call === undefined) return false;
        // The SDK sent the call twice, because the first response was lost.
        const found = error.Item ?? (await this.#look(ask, (input.Key.key as { B: Uint8Array }).B));
        return records.recordOf(found)?.call === call;
      }
    });
  }

  async #writeAll(
    digest: Uint8Array,
    token: ClaimToken,
    ttlMs: number,
    writes: readonly TransactWriteItem[],
  ) {
    const { table, clock } = this.#options;
    const input = {
      TransactItems: [{ Update: records.commit(table, digest, token, ttlMs, clock.now()) }, ...writes],
      // If the response was lost, the SDK sends it again, and DynamoDB doesn't execute it a second time.
      ClientRequestToken: claimOwner(),
    };
    try {
      await this.#call((ask) => ask((client, options) => client.transactWriteItems(input, options)));
    } catch (error) {
      const [ours, ...others] = cancellationsOf(error) ?? [];
      if (ours?.Code === 'ConditionalCheckFailed') throw inProgress(SOON_MS);
      const isHandlers =
        others.some(({ Code }) => Code === 'ConditionalCheckFailed' || Code === 'ValidationError') ||
        errorNameOf(error) === 'ValidationException';
      throw isHandlers ? error : storeError(error, table);
    }
  }

  async #inTime<T>(steps: (ask: Ask) => Promise<T>, late?: (result: T) => unknown): Promise<T> {
    try {
      return await this.#call(steps, late);
    } catch (error) {
      throw storeError(error, this.#options.table);
    }
  }

  async #call<T>(
    steps: (ask: Ask) => Promise<T>,
    late: (result: T) => unknown = () => undefined,
  ): Promise<T> {
    const { client, timeoutMs, clock } = this.#options;
    const abort = new AbortController();
    const tooLate = () => {
      // Nothing waits for a call that is still under way.
      abort.abort();
      return overdue(timeoutMs);
    };
    const call = (isOver: () => boolean): Promise<T> =>
      steps(async (request) => {
        for (let tries = 1; ; tries++) {
          if (isOver()) throw overdue(timeoutMs);
          try {
            return await request(client, { abortSignal: abort.signal });
          } catch (error) {
            if (tries === CONFLICT_TRIES || !isConflict(error)) throw error;
          }
        }
      });
    return withDeadline(call, { timeoutMs, clock, overdue: tooLate, late });
  }
}

type Ask = (call: Call) => Promise<unknown>;

async function succeeded(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isConditionFailed(error)) return false;
    throw error;
  }
}

function capped(milliseconds: number): number {
  return Math.min(milliseconds, LONGEST_MS);
}

/** Whether the token can be the store's own: for anything else, DynamoDB would return an error. */
function isToken({ fencingToken, owner }: ClaimToken): boolean {
  return Number.isSafeInteger(fencingToken) && typeof owner === 'string' && owner !== '';
}
