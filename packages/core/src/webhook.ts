import { createHash } from 'node:crypto';
import type { ClaimOutcome, DeliveryOutcome, Reporter } from './events.ts';
import { type CheckedPayload, type PayloadIssue, type PayloadSchema, payloadInvalid } from './payload.ts';
import { sha256 } from './replay/replay-store.ts';
import { decodeUtf8, parseJsonBody } from './scheme/content/body-reader.ts';
import type { DeliveryRules } from './scheme/delivery-rules.ts';
import type { Freshness, KeyRole, Match } from './scheme/scheme.ts';
import { configError } from './util/options.ts';
import { WebhookError } from './webhook-error.ts';

const DAY_MS = 86_400_000;
/** Timeouts and queues stretch a sender's schedule. A tenth more than the sender promises covers them. */
const RETRY_SPAN_MARGIN = 1.1;

/** A delivery whose signature matched. Only a verifier makes one. */
export interface VerifiedWebhook<Label extends string = string> {
  /** The signed id or body field. If the sender signs neither, the SHA-256 of the body in hex. Computed when it is first read. */
  readonly id: string;
  /** The name of the scheme. */
  readonly scheme: string;
  /** The verifier's `endpoint`. */
  readonly endpoint: string;
  /** The signed timestamp. `undefined` if the sender doesn't sign one. */
  readonly signedAt?: Date | undefined;
  /** The bytes as received. */
  readonly body: Uint8Array;
  /**
   * The body as text.
   * @throws `ERR_WEBHOOK_BODY_INVALID` (status 400) if the body is not valid UTF-8.
   */
  text(): string;
  /**
   * The body as JSON. It is parsed on the first call; every call returns the same value.
   * @throws `ERR_WEBHOOK_BODY_INVALID` (status 400) if the body is not valid UTF-8 JSON. The message does not quote the body. If your
   * handler does not catch it, adapters respond with 400, which most senders don't retry: a retry could not succeed.
   */
  json<T = unknown>(): T;
  /**
   * The fields of a form body (`application/x-www-form-urlencoded`).
   * @throws `ERR_WEBHOOK_BODY_INVALID` (status 400) if the body is not valid UTF-8.
   */
  form(): URLSearchParams;
  /**
   * The type of the event, if the scheme knows where it is: `'order.paid'`. `undefined` if the request does not say it. Read
   * {@link VerifiedWebhook.typeAuthenticated} before you rely on it.
   */
  readonly type?: string | undefined;
  /**
   * Whether the signature covers `type`. If it is `false`, an attacker who captured a delivery can send it with another type: check
   * that the body fits the type.
   */
  readonly typeAuthenticated: boolean;
  /** The key that matched. Once no delivery matches `previous` any more, remove the old secret. */
  readonly key: { readonly id: string; readonly role: KeyRole };
  /** `false` if the signature does not cover the body. */
  readonly bodyAuthenticated: boolean;
  /** Values that the sender sends but does not sign, by label. Use them in logs, never for decisions. */
  readonly unsignedHeaders: Readonly<Record<Label, string>>;
  /** What the adapter's `identifyRequest` returned. For logs: anybody may have chosen it. */
  readonly requestId?: string | undefined;
}

/** What handlers get: a verified delivery that is claimed for them. `Payload` is the output of the adapter's `schema`. */
export interface ReceivedWebhook<Payload = unknown, Label extends string = string>
  extends VerifiedWebhook<Label> {
  /**
   * What the `schema` of the adapter made of `json()`. `undefined` without a schema, and if the payload does not fit it. Where the framework's types
   * can't tell what it is, use {@link payloadOf}.
   */
  readonly payload: Payload;
  /** Why the payload does not fit the schema. `undefined` if it fits. The messages may quote the payload. */
  readonly payloadIssues: readonly PayloadIssue[] | undefined;
  /** Aborts when the handler has run for `handlerTimeoutSeconds`, or when another run may have taken over. */
  readonly signal: AbortSignal;
  /**
   * Rises with every run of the same delivery. Pass it to your database, so that it can reject a late write of an older run.
   * 0 if replay protection is off or the handler claims the delivery itself.
   */
  readonly fencingToken: number;
}

/** What a replay store needs to know about a delivery. */
export interface ReplayRecord {
  /** Hash of the endpoint and of signed material that is the same in every retry. */
  readonly key: string;
  /** How long a handled delivery is remembered, in milliseconds. */
  readonly ttlMs: number;
  /** How long a captured copy would still be accepted if the delivery were forgotten, in milliseconds; at most `ttlMs`. */
  readonly replayWindowMs: number;
}

/** How long deliveries of one endpoint are remembered. */
export type ReplayRetention = Pick<ReplayRecord, 'ttlMs' | 'replayWindowMs'>;

// In the global registry, so that a store built on another copy of this package reads it too.
const replayRecordOf: unique symbol = Symbol.for('countersign.replayRecord') as never;
const payloadSchema: unique symbol = Symbol.for('countersign.payloadSchema') as never;

// As above.
const runObservation: unique symbol = Symbol.for('countersign.runObservation') as never;

/** What a run of a store's transactional mode reports to. */
export interface RunObservation {
  readonly report: (event: RunOutcome) => void;
  /** Notes that the run has failed, and that its observers know it. */
  failed(): void;
}

/** What a run reports: of its delivery, that it was refused, and of the store. */
type RunOutcome = ClaimOutcome | Extract<DeliveryOutcome, { type: 'refused' | 'store-failed' }>;

/** What a verifier has read from one delivery. */
interface DeliveryFacts {
  readonly scheme: string;
  readonly endpoint: string;
  readonly body: Uint8Array;
  readonly match: Match;
  readonly signedAt: number | undefined;
  readonly retention: ReplayRetention;
  readonly deliveryKey: ((webhook: VerifiedWebhook) => unknown) | undefined;
  readonly requestId: string | undefined;
  readonly reporter: Reporter<DeliveryOutcome>;
  /** A run of a store's transactional mode has failed and has said so. */
  hasFailedRun: boolean;
}

/** A verified delivery. Everything expensive is computed when it is first read. */
export class Delivery implements VerifiedWebhook {
  readonly #facts: DeliveryFacts;
  #bodyDigest: string | undefined;
  #json: { readonly value: unknown } | undefined;
  #record: ReplayRecord | undefined;

  constructor(facts: DeliveryFacts) {
    this.#facts = facts;
  }

  get id(): string {
    return this.#facts.match.id ?? this.bodyDigest;
  }
  get scheme(): string {
    return this.#facts.scheme;
  }
  get endpoint(): string {
    return this.#facts.endpoint;
  }
  get signedAt(): Date | undefined {
    const { signedAt } = this.#facts;
    return signedAt === undefined ? undefined : new Date(signedAt);
  }
  get body(): Uint8Array {
    return this.#facts.body;
  }
  get key(): Match['key'] {
    return this.#facts.match.key;
  }
  get bodyAuthenticated(): boolean {
    return this.#facts.match.bodyAuthenticated;
  }
  get unsignedHeaders(): Readonly<Record<string, string>> {
    return this.#facts.match.unsignedHeaders;
  }
  get requestId(): string | undefined {
    return this.#facts.requestId;
  }
  text(): string {
    try {
      return decodeUtf8(this.#facts.body);
    } catch {
      throw invalidBody('The body of this webhook is not valid UTF-8. Read its bytes from "body" instead.');
    }
  }
  json<T = unknown>(): T {
    this.#json ??= this.#facts.match.json ?? parseJsonBody(this.#facts.body);
    if (this.#json === undefined) {
      // An error of our own: JSON.parse() quotes what it can't read, and errors end up in logs.
      throw invalidBody(
        'The body of this webhook is not valid UTF-8 JSON. If the sender can send other formats, set it to JSON, or use text() or "body".',
      );
    }
    return this.#json.value as T;
  }

  form(): URLSearchParams {
    return new URLSearchParams(this.text());
  }
  get type(): string | undefined {
    return this.#facts.match.type;
  }
  get typeAuthenticated(): boolean {
    return this.#facts.match.typeAuthenticated === true;
  }

  /** SHA-256 of the body, hashed once. */
  get bodyDigest(): string {
    this.#bodyDigest ??= createHash('sha256').update(this.#facts.body).digest('hex');
    return this.#bodyDigest;
  }
  get [replayRecordOf](): ReplayRecord {
    this.#record ??= { key: replayKeyOf(this, this.#facts), ...this.#facts.retention };
    return this.#record;
  }

  get hasFailedRun(): boolean {
    return this.#facts.hasFailedRun;
  }
  get [runObservation](): RunObservation | undefined {
    const facts = this.#facts;
    const { report } = facts.reporter;
    return (
      report && {
        report: (event) => report({ ...eventFacts(this), ...event } as DeliveryOutcome),
        failed() {
          facts.hasFailedRun = true;
        },
      }
    );
  }

  /** The same delivery as its handler sees it. */
  received(claim: ClaimFacts, checked?: CheckedPayload): ReceivedWebhook {
    return new ReceivedDelivery(this.#facts, claim, checked);
  }
}

type ClaimFacts = Pick<ReceivedWebhook, 'signal' | 'fencingToken'>;

class ReceivedDelivery extends Delivery implements ReceivedWebhook {
  readonly #claim: ClaimFacts;
  readonly #checked: CheckedPayload | undefined;

  constructor(facts: DeliveryFacts, claim: ClaimFacts, checked: CheckedPayload | undefined) {
    super(facts);
    this.#claim = claim;
    this.#checked = checked;
  }
  get payload(): unknown {
    return this.#checked?.payload;
  }
  get payloadIssues(): readonly PayloadIssue[] | undefined {
    return this.#checked?.issues;
  }
  get [payloadSchema](): PayloadSchema | undefined {
    return this.#checked?.schema;
  }
  get signal(): AbortSignal {
    return this.#claim.signal;
  }
  get fencingToken(): number {
    return this.#claim.fencingToken;
  }
}

function invalidBody(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_BODY_INVALID', message);
}

/**
 * Returns `webhook.payload` with the type of the schema that made it. Express, Fastify and Nest can't pass that type to a handler.
 *
 * @param schema The `schema` that the adapter was given.
 * @throws `ERR_WEBHOOK_PAYLOAD_INVALID` (status 400) if the payload does not fit: with `onInvalid: 'handle'`, look at `payloadIssues` first.
 * `ERR_WEBHOOK_CONFIG_INVALID` if the adapter was given another schema, or none.
 * @example
 * ```ts
 * app.post('/hooks/orders', webhook(verifier, { schema: order, onInvalid: 'reject' }), async (req, res) => {
 *   const { id, total } = payloadOf(req.webhook, order)
 * })
 * ```
 */
export function payloadOf<Output>(webhook: ReceivedWebhook, schema: PayloadSchema<Output>): Output {
  if ((webhook as { [payloadSchema]?: PayloadSchema })[payloadSchema] !== schema)
    throw configError('payloadOf() needs the schema that the adapter has: webhook(verifier, { schema }).');
  if (webhook.payloadIssues !== undefined) throw payloadInvalid(webhook.payloadIssues);
  return webhook.payload as Output;
}

/**
 * What `claim()` and a store's transactional mode use: the replay key, and how long to remember it. Computed at the first call.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for anything that does not come from a verifier.
 * @example
 * ```ts
 * const { key, ttlMs } = replayRecord(webhook)
 * await client.query('INSERT INTO seen (key, until) VALUES ($1, now() + $2 * interval \'1 ms\')', [key, ttlMs])
 * ```
 */
export function replayRecord(webhook: VerifiedWebhook): ReplayRecord {
  const record = (webhook as { [replayRecordOf]?: ReplayRecord } | null | undefined)?.[replayRecordOf];
  if (record === undefined)
    throw configError('replayRecord() needs a webhook that a verifier has verified. Pass it as it is.');
  return record;
}

/** What observers learn of a verified delivery. */
export function eventFacts({
  id,
  requestId,
  key,
}: VerifiedWebhook): Pick<VerifiedWebhook, 'id' | 'key'> & { readonly request: string | undefined } {
  return { id, request: requestId, key };
}

/** Where a run of a store's transactional mode reports to. `undefined` if nothing observes the verifier. */
export function observationOf(webhook: VerifiedWebhook): RunObservation | undefined {
  return (webhook as { [runObservation]?: RunObservation })[runObservation];
}

/**
 * How long deliveries must be remembered: for the window in which a captured copy is fresh, for the sender's own retries, and for
 * `rememberMs`.
 */
export function replayRetention(
  freshness: Freshness,
  delivery: DeliveryRules,
  rememberMs: number,
): ReplayRetention {
  const retryMs =
    delivery.retries === 'never' ? 0 : (delivery.retrySpanSeconds ?? 86_400) * 1000 * RETRY_SPAN_MARGIN;
  if (freshness.signed === 'none') {
    // Only the record of a delivery protects against a replay: it is kept for a week, and for at least a day if the store is full.
    return { replayWindowMs: DAY_MS, ttlMs: Math.ceil(Math.max(7 * DAY_MS, retryMs, rememberMs)) };
  }
  // Timestamps are compared in whole seconds, so rounding can make the window one second longer.
  const replayWindowMs = (freshness.past + freshness.future + 1) * 1000;
  return { replayWindowMs, ttlMs: Math.ceil(Math.max(replayWindowMs, retryMs, rememberMs)) };
}

/**
 * Returns the replay key of a delivery, made from signed material that is the same in every retry, or from what `deliveryKey` returns.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if `deliveryKey` throws or does not return a non-empty string.
 */
function replayKeyOf(delivery: Delivery, { endpoint, match, deliveryKey }: DeliveryFacts): string {
  if (deliveryKey !== undefined) return replayKey(endpoint, 'custom', customName(delivery, deliveryKey));
  const { identity, splitBy } = match;
  const split = splitBy === undefined ? [] : [splitBy];
  if (identity === 'body') return replayKey(endpoint, 'body', delivery.bodyDigest, ...split);
  return replayKey(endpoint, 'signed', identity, ...split);
}

/**
 * Returns the replay keys that a delivery may have: its own, or those that the text can identify. The parts of a key tell these apart, so no
 * key belongs to another delivery.
 *
 * @param isCustom Whether `deliveryKey` names the deliveries.
 * @param labels The unsigned labels by which the scheme tells deliveries with one body apart.
 */
export function replayKeysOf(
  delivery: string | VerifiedWebhook,
  endpoint: string,
  isCustom: boolean,
  labels: readonly string[],
): string[] {
  if (typeof delivery !== 'string') return [replayRecord(delivery).key];
  if (delivery === '') throw configError('forget() needs the id of a delivery, or the webhook itself.');
  if (isCustom) return [replayKey(endpoint, 'custom', delivery)];
  const keys = [replayKey(endpoint, 'signed', `id:${delivery}`)];
  if (!/^[0-9a-f]{64}$/.test(delivery)) return keys;
  for (const split of [[], ...labels.map((label) => [label])]) {
    keys.push(replayKey(endpoint, 'body', delivery, ...split));
    keys.push(replayKey(endpoint, 'signed', `content:${delivery}`, ...split));
  }
  return keys;
}

/** Hashes the parts of a replay key, each with its length, so that different parts never form the same text. */
function replayKey(
  endpoint: string,
  kind: 'signed' | 'body' | 'custom',
  ...material: readonly string[]
): string {
  let text = 'countersign replay key 1';
  for (const part of [endpoint, kind, ...material]) text += `\0${Buffer.byteLength(part)}:${part}`;
  return sha256(text, 'base64url');
}

function customName(delivery: Delivery, deliveryKey: (webhook: VerifiedWebhook) => unknown): string {
  let name: unknown;
  try {
    name = deliveryKey(delivery);
  } catch (error) {
    throw new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', '"deliveryKey" threw an error. See "cause".', {
      cause: error,
    });
  }
  if (typeof name === 'string' && name !== '') return name;
  throw configError('"deliveryKey" must return a non-empty string.');
}
