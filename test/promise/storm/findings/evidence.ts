import { endpointOf, serverOf } from '../endpoints.ts';
import type { ClaimRecord, Incident, Ledger, Run } from '../ledger.ts';
import type { Delivery } from '../senders/deliveries.ts';

/** What is known of a run when it is checked. */
export interface JudgedRun extends Run {
  readonly claim: ClaimRecord | undefined;
  /** When a commit of this claim was written. */
  readonly committedAt: number;
  /** When the claim was given to it, or, without one, when it started. */
  readonly claimedAt: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/** What a judge needs to know, from the ledger. */
export class Evidence {
  readonly ledger: Ledger;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  /** The runs of a delivery, in the order in which their handlers started. */
  runsOf(delivery: Delivery): JudgedRun[] {
    const runs = this.ledger.runsOf.get(delivery.plan.sequence) ?? [];
    return runs.map((run) => this.judged(run)).sort((some, other) => some.startedAt - other.startedAt);
  }

  judged(run: Run): JudgedRun {
    const claims = this.ledger.claimsOf.get(run.key) ?? [];
    const claim = claims.findLast(
      ({ attempt, instance, outcome, askedAt }) =>
        attempt === run.attempt &&
        instance === run.instance &&
        outcome?.state === 'claimed' &&
        askedAt <= run.startedAt,
    );
    const committed = claims.flatMap(({ instance, settled }) =>
      instance === run.instance ? settled.filter(({ how, kept }) => how === 'commit' && kept === true) : [],
    );
    return {
      ...run,
      claim,
      committedAt: Math.min(NEVER, ...committed.map(({ at }) => at).filter((at) => at >= run.startedAt)),
      claimedAt: claim?.answeredAt ?? run.startedAt,
    };
  }

  /** Incidents of some kinds that befell someone between two moments. */
  incidents(whom: string, kinds: readonly Incident['what'][], from: number, to: number): Incident[] {
    return this.ledger.incidents.filter(
      (one) => one.whom === whom && kinds.includes(one.what) && one.from <= to && one.to >= from,
    );
  }

  /** When the claim of a run was first given to another one. */
  takenOverAt({ key, claimedAt }: JudgedRun): number {
    const others = (this.ledger.claimsOf.get(key) ?? []).filter(
      ({ outcome }) => outcome?.state === 'claimed',
    );
    const times = others.map(({ answeredAt = NEVER }) => answeredAt);
    return Math.min(NEVER, ...times.filter((at) => at > claimedAt));
  }

  storeDown(endpoint: string, from: number, to: number): Incident[] {
    const down = this.incidents(serverOf(endpointOf(endpoint).store), ['store down'], from, to);
    return down.filter(({ how }) => how !== 'held');
  }

  storeFlushed(endpoint: string, from: number, to: number): boolean {
    return this.incidents(serverOf(endpointOf(endpoint).store), ['store flushed'], from, to).length > 0;
  }
}
