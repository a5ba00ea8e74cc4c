import { createHash, type KeyObject } from 'node:crypto';
import {
  type Clock,
  createVerifier,
  type DefinedScheme,
  isWebhookError,
  replayRecord,
  type SchemeDefinition,
  type SignatureRule,
  type Verifier,
  type VerifierOptions,
} from '@countersign/core';
import { proves, type Reading, readingsOf, signatureTexts } from './oracle.ts';
import { type FuzzRequest, fieldOf, headerOf, jsonOf } from './request.ts';

/** The outcome of a request at a verifier. */
export type Outcome =
  | { readonly accepted: true; readonly key: string; readonly bodyAuthenticated: boolean }
  | { readonly accepted: false; readonly code: string }
  | { readonly accepted: false; readonly code: 'threw'; readonly error: unknown };

/** How the oracle reads an accepted request. */
export interface Proof {
  readonly rule: SignatureRule;
  readonly reading: Reading | undefined;
}

interface Keys {
  readonly bytes: Buffer;
  readonly public?: KeyObject | undefined;
}

/** A verifier of one definition, and the oracle that knows the same secret. */
export class FuzzEndpoint {
  readonly definition: SchemeDefinition;
  readonly publicUrl: string;
  readonly keys: Keys;
  readonly #verifier: Verifier;

  private constructor(definition: SchemeDefinition, publicUrl: string, keys: Keys, verifier: Verifier) {
    this.definition = definition;
    this.publicUrl = publicUrl;
    this.keys = keys;
    this.#verifier = verifier;
  }

  static async open(
    scheme: DefinedScheme,
    secret: string | Uint8Array,
    publicUrl: string,
    clock: Clock,
    secrets: VerifierOptions['secrets'] = { current: secret },
  ): Promise<FuzzEndpoint> {
    const key = scheme.importKey(secret);
    const keys = key.type === 'public' ? { bytes: Buffer.alloc(0), public: key } : { bytes: key.export() };
    const verifier = createVerifier({
      scheme,
      secrets,
      publicUrl,
      clock,
      replay: false,
      observe: () => undefined,
    });
    await verifier.ready();
    return new FuzzEndpoint(scheme.definition, publicUrl, keys, verifier);
  }

  async verify({ method, url, headers, body }: FuzzRequest): Promise<Outcome> {
    try {
      const webhook = await this.#verifier.verify({ method, url, headers: headers.flat(), body });
      return { accepted: true, key: replayRecord(webhook).key, bodyAuthenticated: webhook.bodyAuthenticated };
    } catch (error) {
      if (isWebhookError(error)) return { accepted: false, code: error.code };
      return { accepted: false, code: 'threw', error };
    }
  }

  /** The oracle's reasons to accept a request. If there is none, no holder of the secret signed it. */
  proofs(request: FuzzRequest): Proof[] {
    const rules = [this.definition.signed].flat() as SignatureRule[];
    return rules.flatMap((rule): Proof[] => {
      const texts = signatureTexts(rule, request, this.publicUrl);
      if (texts.length === 0) return [];
      if ('token' in rule.algorithm)
        return proves(rule, texts, Buffer.alloc(0), this.keys) ? [{ rule, reading: undefined }] : [];
      return readingsOf(this.definition, rule, request, this.publicUrl)
        .filter(({ content }) => proves(rule, texts, content, this.keys))
        .map((reading) => ({ rule, reading }));
    });
  }

  close(): Promise<void> {
    return this.#verifier.close();
  }
}

/** How a receiver reads a signed content, text by text. An absent text and an empty text count as the same. */
export function viewOf({ reading }: Proof, without: readonly string[] = []): string {
  const pieces =
    reading?.pieces.filter(
      ({ name, view }) => name !== 'literal' && view !== '' && !without.includes(name),
    ) ?? [];
  return JSON.stringify(pieces.map(({ name, view }) => [name, view]));
}

/** The identity of a delivery by the definition. */
export function identityOf({ identity }: SchemeDefinition, proof: Proof, request: FuzzRequest): string {
  const body = `body ${createHash('sha256').update(request.body).digest('hex')}`;
  if (identity === 'id') return `id ${headerOf(request, proof.rule.id?.header ?? '')}`;
  if (identity === 'body') return body;
  if (typeof identity === 'object') {
    const value = fieldOf(jsonOf(request.body)?.value, identity.bodyField);
    if (typeof value === 'string' && value !== '' && !/\p{Surrogate}/u.test(value)) return `field ${value}`;
    if (typeof value === 'number' && Number.isSafeInteger(value)) return `field ${value}`;
    if (proof.reading?.pieces.some(({ name }) => name === 'body' || name === 'digest')) return body;
  }
  return `content ${viewOf(proof, ['timestamp'])}`;
}
