import { createHash } from 'node:crypto';
import { type ReplayRecord, replayRecordOf } from './replay/replay-record.ts';
import { decodeUtf8, parseJsonBody } from './scheme/json-body.ts';
import type { KeyRole, Match } from './scheme/scheme.ts';

/** A delivery whose signature matched. Only a verifier makes one. */
export interface VerifiedWebhook {
  /** The signed id or body field, else the SHA-256 of the body in hex: computed when asked for. */
  readonly id: string;
  readonly scheme: string;
  readonly endpoint: string;
  /** When the sender signed; only if the time is signed. */
  readonly signedAt?: Date | undefined;
  /** The bytes as received. */
  readonly body: Uint8Array;
  /**
   * The body as text.
   * @throws TypeError where it is no UTF-8.
   */
  text(): string;
  /**
   * The body as JSON, parsed when first asked for; every call gives the same value.
   * @throws SyntaxError where it is no JSON in UTF-8; it does not quote the body.
   */
  json<T = unknown>(): T;
  /** The key that matched. When `previous` is no longer seen, the old secret can go. */
  readonly key: { readonly id: string; readonly role: KeyRole };
  /** `false` where the signature doesn't cover the body. */
  readonly bodyAuthenticated: boolean;
  /** What the sender says but doesn't sign, by label. For logs, never for decisions. */
  readonly unsignedHeaders: Readonly<Record<string, string>>;
}

/** What handlers get: a verified delivery that is claimed for them. */
export interface ReceivedWebhook extends VerifiedWebhook {
  /** Aborts when the handler's time is over or another run may have taken over. */
  readonly signal: AbortSignal;
  /** Fencing token of the claim: pass it to stores that can refuse a lower one. 0 where replay protection is off. */
  readonly fencingToken: number;
}

/** What a verifier knows of one delivery; shared by its two faces. */
export interface DeliveryFacts {
  readonly scheme: string;
  readonly endpoint: string;
  readonly body: Uint8Array;
  readonly match: Match;
  readonly signedAt: number | undefined;
  readonly record: (delivery: Delivery) => ReplayRecord;
}

/** The one implementation of both interfaces; everything that costs is computed when asked for. */
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
    return decodeUtf8(this.#facts.body);
  }
  json<T = unknown>(): T {
    this.#json ??= this.#facts.match.json ?? parseJsonBody(this.#facts.body);
    // JSON.parse() quotes what it can't read, and errors end up in logs.
    if (this.#json === undefined) throw new SyntaxError('The body of this webhook is no JSON in UTF-8.');
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
    this.#record ??= this.#facts.record(this);
    return this.#record;
  }

  /** The same delivery as its handler sees it. */
  received(claim: { signal: AbortSignal; fencingToken: number }): ReceivedWebhook {
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
