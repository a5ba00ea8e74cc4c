import { randomBytes, randomUUID } from 'node:crypto';
import type { DefinedScheme, SignatureRule } from '@countersign/core';
import { rulesOf } from '@countersign/core/extend';
import { generateSigningKeys, type SignInput, sign } from '@countersign/testing';
import type { Delivery, Pair } from './delivery.ts';
import { methodOf, SampleBody } from './sample-body.ts';

/** What is needed to act as a sender. */
export interface SenderInput {
  readonly scheme: DefinedScheme;
  readonly secret: string | undefined;
  readonly previous: string | undefined;
  /** The URL that the sender signs. */
  readonly publicUrl: string;
  /** A body of the receiver's own events. */
  readonly body: string | undefined;
  /** Further headers. */
  readonly headers: readonly Pair[];
}

/** What may differ from a plain genuine delivery. */
export interface Changes {
  readonly secret?: string | Uint8Array;
  readonly id?: string;
  readonly body?: string | Buffer;
  /** Fields to add to the plain body. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Seconds from now. */
  readonly ageSeconds?: number;
  readonly timestamp?: number;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Signs deliveries as the sender would, each with an id that names this check. */
export class Sender {
  readonly scheme: DefinedScheme;
  readonly rule: SignatureRule;
  readonly bodies: SampleBody;
  /** Whether genuine deliveries can be made: not if only the sender has the private key. */
  readonly canSign: boolean;
  readonly previous: string | undefined;
  readonly #input: SenderInput;
  readonly #ruleIndex: number;
  readonly #ownKeys: ReturnType<typeof generateSigningKeys>;
  readonly #foreignKeys: ReturnType<typeof generateSigningKeys>;
  readonly #run = randomBytes(4).toString('hex');
  #count = 0;

  constructor(input: SenderInput) {
    this.#input = input;
    this.scheme = input.scheme;
    this.previous = input.previous;
    const rules = rulesOf(input.scheme.definition);
    this.bodies = new SampleBody(input.scheme, rules, input.body);
    this.#ruleIndex = this.bodies.isForm ? Math.max(0, rules.findIndex(signsForm)) : 0;
    this.rule = rules[this.#ruleIndex] as SignatureRule;
    this.canSign = !('publicKey' in input.scheme.definition.secret) && input.secret !== undefined;
    this.#ownKeys = generateSigningKeys(input.scheme);
    this.#foreignKeys = generateSigningKeys(input.scheme);
  }

  /** The secrets for a verifier of these deliveries. If nothing can be signed, those of a pair that signs nothing here. */
  get verifierSecrets() {
    const current = this.canSign ? (this.#input.secret ?? '') : this.#ownKeys.secret;
    return { current, ...(this.previous === undefined ? {} : { previous: this.previous }) };
  }

  /** All texts that no output and no answer may contain. */
  get secrets(): readonly string[] {
    return [this.#input.secret, this.previous].filter((secret) => secret !== undefined);
  }

  get foreignSecret(): string {
    return this.#foreignKeys.signingSecret;
  }

  nextId(): string {
    this.#count += 1;
    return `check_${this.#run}_${this.#count}`;
  }

  /** A delivery that is genuine in all that `changes` does not make wrong. */
  delivery(changes: Changes = {}): Delivery {
    const id = changes.id ?? this.nextId();
    const now = Date.now() / 1000;
    return this.signed({
      secret: changes.secret ?? (this.canSign ? (this.#input.secret ?? '') : this.foreignSecret),
      body: changes.body ?? this.bodies.make(id, changes.fields),
      id: this.rule.id?.format === 'uuid' ? randomUUID() : id,
      timestamp: changes.timestamp ?? now - (changes.ageSeconds ?? 0),
      method: methodOf(this.scheme),
      url: changes.url ?? this.#urlFor(id),
      headers: { ...this.#labels(id), ...changes.headers },
    });
  }

  /** Signs exactly this. */
  signed(input: SignInput): Delivery {
    const signed = sign(this.scheme, { ...input, rule: this.#ruleIndex, headers: { ...input.headers } });
    const headers = Object.entries(signed.headers).map(([name, value]): Pair => [name, value]);
    const base = new URL(this.#input.publicUrl);
    const query = [...new URL(signed.url ?? base).searchParams].slice([...base.searchParams].length);
    return {
      method: methodOf(this.scheme),
      headers,
      body: signed.body,
      query,
      input: { ...input, rule: this.#ruleIndex },
    };
  }

  /** A request with nothing that only the sender can write. */
  unsigned(body: Buffer | string): Delivery {
    const headers: Pair[] = [['content-type', this.bodies.isForm ? FORM : 'application/json']];
    return { method: methodOf(this.scheme), headers, body: Buffer.from(body as string), query: [] };
  }

  /** What the sender sends and does not sign, and headers that the user added. */
  #labels(id: string): Record<string, string> {
    const { unsignedHeaders = {}, eventType, splitBy } = this.scheme.definition;
    const labels: Record<string, string> = {};
    if (unsignedHeaders.deliveryId !== undefined) labels[unsignedHeaders.deliveryId] = id;
    if (eventType?.header !== undefined) labels[eventType.header] = splitBy?.values[0] ?? 'countersign.check';
    for (const [name, value] of this.#input.headers) labels[name.toLowerCase()] = value;
    return labels;
  }

  /** A GET carries its content in the query. */
  #urlFor(id: string): string {
    const url = this.#input.publicUrl;
    if (methodOf(this.scheme) !== 'GET') return url;
    return `${url}${url.includes('?') ? '&' : '?'}messageId=${id}`;
  }
}

/** Some senders sign forms in another way than JSON. */
function signsForm({ signature, parts = {} }: SignatureRule): boolean {
  return (
    ('formField' in signature && signature.formField !== undefined) ||
    Object.values(parts).some((part) => 'sorted' in part && part.sorted === 'form')
  );
}

const FORM = 'application/x-www-form-urlencoded';
