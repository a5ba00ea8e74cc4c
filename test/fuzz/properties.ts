import type { SchemeDefinition } from '@countersign/core';
import { type FuzzEndpoint, identityOf, type Outcome, type Proof, viewOf } from './endpoint.ts';
import type { FuzzRequest } from './request.ts';

/** A property that does not hold, in words. */
export interface Violation {
  readonly property: string;
  readonly detail: string;
}

/** A request that was accepted, with the oracle's reason. */
export interface Accepted {
  readonly request: FuzzRequest;
  readonly key: string;
  readonly proofs: readonly Proof[];
}

/** Nothing but `WebhookError` is thrown, and what is accepted was signed. */
export function soundness(
  endpoint: FuzzEndpoint,
  request: FuzzRequest,
  outcome: Outcome,
): Violation | Accepted | undefined {
  if (!outcome.accepted) {
    return 'error' in outcome
      ? {
          property: 'nothing but WebhookError is thrown',
          detail: String((outcome.error as Error)?.stack ?? outcome.error),
        }
      : undefined;
  }
  const proofs = endpoint.proofs(request);
  if (proofs.length > 0) return { request, key: outcome.key, proofs };
  return {
    property: 'what is accepted was signed',
    detail: 'no content of this request has the signature that it carries',
  };
}

/**
 * One signature is one delivery: an altered request that is accepted under the signature of another one is equal to it in
 * everything that is signed, and has the same replay key.
 */
export function oneProof(genuine: Accepted, altered: Accepted): Violation | undefined {
  // A token signs nothing: a holder of it can send anything.
  if (altered.proofs.some(({ reading }) => reading === undefined)) return undefined;
  const common = altered.proofs.filter(({ reading }) =>
    genuine.proofs.some((each) => sameContent(each, reading?.content)),
  );
  // Another signature of the same request may have been dropped: then the two have no proof in common.
  if (common.length === 0) return undefined;
  // Some senders sign contents that can be cut in two ways. Their definitions say what limits the damage.
  const isSafe = common.some(({ rule }) => rule.safeBecause !== undefined);
  const views = new Set(genuine.proofs.map((proof) => viewOf(proof)));
  if (!isSafe && !common.some((proof) => views.has(viewOf(proof))))
    return {
      property: 'no two different requests share one signed content',
      detail: `${[...views].join(' or ')} and ${common.map((proof) => viewOf(proof)).join(' or ')}`,
    };
  if (genuine.key !== altered.key)
    return { property: 'same proof, same replay key', detail: `${genuine.key} and ${altered.key}` };
  return undefined;
}

function sameContent({ reading }: Proof, content: Buffer | undefined): boolean {
  return reading !== undefined && content?.equals(reading.content) === true;
}

/** Two requests that were both signed have the same replay key if, and only if, the definition says that they are one delivery. */
export function ownKeys(definition: SchemeDefinition, a: Accepted, b: Accepted): Violation | undefined {
  const [one] = a.proofs;
  const [other] = b.proofs;
  if (one === undefined || other === undefined || a.proofs.length > 1 || b.proofs.length > 1)
    return undefined;
  const first = identityOf(definition, one, a.request);
  const second = identityOf(definition, other, b.request);
  if ((first === second) === (a.key === b.key)) return undefined;
  // An empty field is not an absent one, if an optional piece of the content adds its text only to a field that is there.
  if (first === second && namesIn(one) !== namesIn(other) && !sameContent(one, other.reading?.content))
    return undefined;
  return first === second
    ? { property: 'the same delivery has one replay key', detail: first }
    : { property: 'different bytes, different key or refusal', detail: `${first} and ${second}` };
}

function namesIn({ reading }: Proof): string {
  return String(reading?.pieces.map(({ name }) => name));
}

export function isViolation(value: Violation | Accepted | undefined): value is Violation {
  return value !== undefined && 'property' in value;
}
