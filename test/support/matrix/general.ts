import {
  createVerifier,
  type DefinedScheme,
  memoryReplayStore,
  type VerifiedWebhook,
  type WebhookRequest,
  type WebhookResponse,
} from '@countersign/core';
import {
  generateSigningKeys,
  type ManualClock,
  manualClock,
  type SignedRequest,
  type SignInput,
  sign,
} from '@countersign/testing';
import type { CatalogueEntry } from '../catalogue-entry.ts';

const URL_OF_CASES = 'https://hooks.example.com/hooks/case';

/** A request as it is sent in a case. */
export type GeneralRequest = SignedRequest & { method: string };

/** The expected outcome of a case. `unmoved`: handled, since what was changed isn't signed. */
export interface GeneralCase {
  readonly name: string;
  readonly wanted: 'handled' | 'refused' | 'either';
  readonly request: () => GeneralRequest;
}

/** One endpoint of one sender of any kind: for those whose signatures the full matrix can't forge. */
export class GeneralFixture {
  readonly scheme: DefinedScheme;
  readonly clock: ManualClock = manualClock();
  readonly url: string;
  readonly #entry: Partial<CatalogueEntry>;
  readonly #form: number;
  readonly keys: ReturnType<typeof generateSigningKeys>;
  readonly foreign: ReturnType<typeof generateSigningKeys>;
  readonly previous: ReturnType<typeof generateSigningKeys>;
  readonly #verifier: ReturnType<typeof createVerifier>;
  #count = 0;
  runs = 0;
  /** The last input of the handler. */
  handled: VerifiedWebhook | undefined;

  constructor(scheme: DefinedScheme, form: number, entry: CatalogueEntry | undefined) {
    this.scheme = scheme;
    this.#form = form;
    this.#entry = entry ?? {};
    this.url = this.#entry.url ?? URL_OF_CASES;
    this.keys = generateSigningKeys(scheme);
    this.previous = generateSigningKeys(scheme);
    this.foreign = generateSigningKeys(scheme);
    this.#verifier = createVerifier({
      scheme,
      secrets: { current: this.keys.secret, previous: this.previous.secret },
      publicUrl: this.url,
      replay: memoryReplayStore({ clock: this.clock }),
      clock: this.clock,
    });
  }

  /** A delivery that is right in all that `changes` doesn't make wrong. */
  request(changes: Partial<SignInput> = {}): GeneralRequest {
    const method = this.#entry.method ?? 'POST';
    const body = this.body();
    const input = {
      secret: this.keys.signingSecret,
      body,
      // The content of a GET is in the query.
      url: method === 'GET' ? `${this.url}&number=${this.#count}` : this.url,
      method,
      form: this.#form,
      timestamp: this.clock.now() / 1000,
      ...changes,
    };
    return { method, ...sign(this.scheme, input) };
  }

  /** A body that no other delivery has. */
  body(): string {
    this.#count += 1;
    const { body } = this.#entry;
    if (body !== undefined) return body.replaceAll('#', () => String(this.#count));
    const json: Record<string, unknown> = { id: `event-${this.#count}`, text: 'Zürich', count: this.#count };
    const { identity, bodyTimestamp } = this.scheme.definition;
    if (typeof identity === 'object') setField(json, identity.bodyField, `event-${this.#count}`);
    if (bodyTimestamp?.field !== undefined)
      setField(json, bodyTimestamp.field, timeIn(bodyTimestamp.unit, this.clock.now()));
    return JSON.stringify(json);
  }

  async send({ headers, body, url, method }: GeneralRequest): Promise<WebhookResponse> {
    const request: WebhookRequest = {
      method,
      headers,
      body,
      ...(url === undefined ? {} : { url: url.slice(new URL(url).origin.length) }),
    };
    return await this.#verifier.handle(request, (webhook) => {
      this.runs += 1;
      this.handled = webhook;
    });
  }

  /** Everything that the response must not contain. */
  get secrets(): readonly string[] {
    return [this.keys, this.previous].flatMap(({ secret, signingSecret }) => [String(secret), signingSecret]);
  }

  close(): Promise<void> {
    return this.#verifier.close();
  }
}

function timeIn(unit: 's' | 'ms' | 'iso', ms: number): number | string {
  return unit === 's' ? Math.floor(ms / 1000) : unit === 'ms' ? ms : new Date(ms).toISOString();
}

function setField(json: Record<string, unknown>, path: string, value: unknown): void {
  const names = path.split('.');
  const last = names.pop() ?? path;
  let at = json;
  for (const name of names) {
    const inner = at[name] ?? {};
    at[name] = inner;
    at = inner as Record<string, unknown>;
  }
  at[last] = value;
}
