import type { ClaimResult, ClaimToken } from '@countersign/core/extend';

/** A call of the store to an object. `key`: the SHA-256 of the replay key, in base64url. */
export type Step = { readonly key: string } & (
  | { readonly step: 'claim'; readonly owner: string; readonly leaseMs: number; readonly fenceTtlMs: number }
  | { readonly step: 'renew'; readonly token: ClaimToken; readonly leaseMs: number }
  | { readonly step: 'commit'; readonly token: ClaimToken; readonly ttlMs: number }
  | { readonly step: 'release'; readonly token: ClaimToken }
  | { readonly step: 'forget' }
);

/** The object's response to it. */
export type StepResult = ClaimResult | boolean;
