import type { KeyRole, Scheme, WebhookErrorCode } from '@countersign/core';
import type { Cause } from '@countersign/explain';
import type { NotedSecrets } from './noted-secrets.ts';
import type { Redactor } from './redactor.ts';
import type { Step, StepName } from './wire.ts';

/** What a text in a list takes in addition to its characters. */
const TEXT_BYTES = 40;

/** What is known of one endpoint: how its sender signs, and with which secrets. */
export interface Endpoint {
  readonly name: string;
  readonly scheme: Scheme;
  readonly secrets: NotedSecrets;
  readonly redactor: Redactor;
  /** The URL that the sender was given, for the target of one request. */
  readonly publicUrl: (target: string) => string | undefined;
  readonly toleranceSeconds: number | { past: number; future: number } | undefined;
  /** Forgets a handled delivery, so that its replay runs. Missing if another process handles deliveries. */
  readonly forget?: (deliveryId: string) => Promise<unknown>;
}

/** What a verifier says to a request. */
export interface Verdict {
  /** `unchecked`: the request was not verified, and `message` says why. */
  readonly state: 'pending' | 'accepted' | 'refused' | 'handshake' | 'unchecked';
  readonly code?: WebhookErrorCode;
  readonly message?: string;
  readonly key?: { readonly id: string; readonly role: KeyRole };
  /** The delivery's id, which retries repeat. */
  readonly deliveryId?: string;
  /** The type of the event. */
  readonly type?: string;
  /** The most certain cause first. `undefined` while a refusal is being explained. */
  readonly causes?: readonly Cause[];
}

/** What was sent back. Only a proxy sees more than the status. */
export interface RecordedResponse {
  readonly status: number;
  readonly statusMessage?: string;
  readonly rawHeaders?: readonly string[];
  readonly body?: Buffer;
  /** How many bytes the body had, if not all of them are kept. */
  readonly bodyBytes?: number;
}

/** What a delivery begins with. */
export interface ReceivedHead {
  readonly method: string;
  /** The request target as received. */
  readonly url: string;
  readonly httpVersion?: string;
  /** Name, value, name, value, … */
  readonly rawHeaders: readonly string[];
}

/** One request, from its first byte to the last event about it. The recorder keeps it and tells who watches of each change. */
export class Delivery {
  readonly id: number;
  readonly endpoint: Endpoint;
  readonly head: ReceivedHead;
  readonly receivedAt = new Date();
  readonly steps: Step[] = [];
  /** The id of the delivery that this one repeats. */
  readonly replayOf: number | undefined;
  /** `undefined` if it was not read. */
  body: Buffer | undefined;
  verdict: Verdict = { state: 'pending' };
  response: RecordedResponse | undefined;
  /** What ended it early: "The target closed the connection." */
  failure: string | undefined;
  readonly #startedAt = performance.now();
  readonly #changed: (delivery: Delivery) => void;

  constructor(
    id: number,
    endpoint: Endpoint,
    head: ReceivedHead,
    replayOf: number | undefined,
    changed: (delivery: Delivery) => void,
  ) {
    this.id = id;
    this.endpoint = endpoint;
    this.head = head;
    this.replayOf = replayOf;
    this.#changed = changed;
    this.steps.push({ step: 'received', atMs: 0 });
  }

  /** Notes a step, and changes what the step has changed. */
  note(
    step: StepName,
    changes: Partial<Pick<Delivery, 'body' | 'verdict' | 'response' | 'failure'>> & { note?: string } = {},
  ): void {
    const { note, ...fields } = changes;
    Object.assign(this, fields);
    const atMs = Math.round((performance.now() - this.#startedAt) * 100) / 100;
    this.steps.push({ step, atMs, ...(note === undefined ? {} : { note }) });
    this.#changed(this);
  }

  /** Changes what is known of it without a step of its own. */
  update(changes: Partial<Pick<Delivery, 'verdict' | 'response'>>): void {
    Object.assign(this, changes);
    this.#changed(this);
  }

  /** How many bytes of memory its content takes. */
  get bytes(): number {
    const texts = [this.head.url, ...this.head.rawHeaders, ...(this.response?.rawHeaders ?? [])];
    const heads = texts.reduce((sum, text) => sum + text.length + TEXT_BYTES, 1024);
    return heads + (this.body?.length ?? 0) + (this.response?.body?.length ?? 0);
  }

  /** How long it took so far, or in all, in milliseconds. */
  get durationMs(): number {
    return this.steps.reduce((latest, { step, atMs }) => (step === 'explained' ? latest : atMs), 0);
  }
}
