import { schemeNamed } from './scheme-named.ts';

/** What is assumed of a sender that does not document how long it retries, and of a scheme that is not in the catalogue. */
const DEFAULT_SECONDS = 86_400;

/** For how long after the last match a delivery that is signed with the replaced secret can still arrive. */
export function quietSecondsOf(schemeName: string): number {
  const scheme = schemeNamed(schemeName);
  if (scheme === undefined) return DEFAULT_SECONDS;
  const { retrySignature, retrySpanSeconds = DEFAULT_SECONDS } = scheme.delivery;
  // A retry that is signed anew has the new signature.
  if (retrySignature !== 'renewed' || scheme.freshness.signed === 'none') return retrySpanSeconds;
  const { past, future } = scheme.freshness;
  return past + future;
}
