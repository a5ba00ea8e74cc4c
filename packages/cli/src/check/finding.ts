/** How much harm a fault does. */
export type Severity = 'critical' | 'high' | 'medium' | 'low';

/** `not judged`: something that the judgement needs was missing; the row says what. */
export type Verdict = 'ok' | 'fault' | 'not judged';

/** What a check of one row came to. `undefined`: the row does not concern this sender. */
export type Finding = { readonly verdict: Verdict; readonly seen: string } | undefined;

export function ok(seen: string): Finding {
  return { verdict: 'ok', seen };
}

export function fault(seen: string): Finding {
  return { verdict: 'fault', seen };
}

export function notJudged(seen: string): Finding {
  return { verdict: 'not judged', seen };
}
