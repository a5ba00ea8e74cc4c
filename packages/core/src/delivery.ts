import { createHash } from 'node:crypto';
import {
  type ReplayRecord,
  type ReplayRetention,
  replayKeyOf,
  replayRecordOf,
} from './replay/replay-record.ts';
import { decodeUtf8, parseJsonBody } from './scheme/content/json-body.ts';
import type { Match } from './scheme/scheme.ts';
import type { ReceivedWebhook, VerifiedWebhook } from './webhook.ts';
import { WebhookError } from './webhook-error.ts';

/** What a verifier knows of one delivery. */
interface DeliveryFacts {
  readonly scheme: string;
  readonly endpoint: string;
  readonly body: Uint8Array;
  readonly match: Match;
  readonly signedAt: number | undefined;
  readonly retention: ReplayRetention;
  readonly deliveryKey: ((webhook: VerifiedWebhook) => unknown) | undefined;
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

  /** SHA-256 of the body, hashed once. */
  get bodyDigest(): string {
    this.#bodyDigest ??= createHash('sha256').update(this.#facts.body).digest('hex');
    return this.#bodyDigest;
  }
  get identity(): string {
    return this.#facts.match.identity;
  }
  get [replayRecordOf](): ReplayRecord {
    this.#record ??= { key: replayKeyOf(this, this.#facts.deliveryKey), ...this.#facts.retention };
    return this.#record;
  }

  /** The same delivery as its handler sees it. */
  received(claim: { readonly signal: AbortSignal; readonly fencingToken: number }): ReceivedWebhook {
    return new ReceivedDelivery(this.#facts, claim);
  }
}

class ReceivedDelivery extends Delivery implements ReceivedWebhook {
  readonly #claim: { readonly signal: AbortSignal; readonly fencingToken: number };

  constructor(facts: DeliveryFacts, claim: { readonly signal: AbortSignal; readonly fencingToken: number }) {
    super(facts);
    this.#claim = claim;
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
