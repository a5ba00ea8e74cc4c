import type { RotationKind } from '@countersign-internal/simulator';
import type { Endpoint } from './endpoints.ts';

/**
 * The order in which the vendor and the store of secrets get the new secret.
 *
 * - `next first`: by `@countersign/rotation`. The new secret is published as `next`, then the vendor switches to it, then it is
 *   promoted. Only if the vendor accepts your own secret.
 * - `announced`: by `@countersign/rotation`. The rotation is announced, then the vendor makes a secret, then that is published.
 * - `unannounced`: by hand. The vendor makes a secret, then it is published by hand. Deliveries signed with it come before any
 *   receiver knows it.
 */
export type RotationOrder = 'next first' | 'announced' | 'unannounced';

/** One step of the plan. */
export type Step = { readonly endpoint: string; readonly atSeconds: number } & (
  | { readonly type: 'rotate'; readonly secret: RotationKind; readonly order: RotationOrder }
  /** An empty secret is written to the file, and mended a little later. */
  | { readonly type: 'bad push' }
);

/** Every secret has to be rotated at least so often for the run to count. */
export const LEAST_ROTATIONS = 3;

type StepKind = RotationOrder | 'bad push' | 'organization announced';

// Unannounced only if the refusal of an unknown signature is retried whatever else happens: LangSmith and PolyAI retry the 429
// that they get, Ada, Anchor Browser and Stripe any failure. GitHub retries nothing: its new secret is published first. What AgentMessage retries is not documented, so it gets 503, and of those
// only so many a minute that forged traffic can spend them; an announced rotation is exempt from that budget.
const AGENT_MESSAGE: readonly StepKind[] = [
  'announced',
  'organization announced',
  'announced',
  'organization announced',
  'announced',
  'organization announced',
];
const ANCHOR: readonly StepKind[] = ['announced', 'unannounced', 'announced'];
const STEPS: Readonly<Record<string, readonly StepKind[]>> = {
  langsmith: ['announced', 'unannounced', 'announced'],
  agentmsg: AGENT_MESSAGE,
  'agentmsg-org': AGENT_MESSAGE,
  polyai: ['unannounced', 'announced', 'bad push', 'unannounced'],
  ada: ['next first', 'announced', 'unannounced', 'next first'],
  github: ['next first', 'next first', 'next first'],
  stripe: ['announced', 'unannounced', 'unannounced'],
  'anchor-both': ANCHOR,
  'anchor-old': ANCHOR,
  'anchor-new': ANCHOR,
};

const FIRST = 0.08;
const SPAN = 0.72;

/** The plan of a run: the steps of each endpoint in a row, those of different endpoints spread over each other. */
export function plan(endpoints: readonly Endpoint[], seconds: number): readonly (readonly Step[])[] {
  return endpoints.map(({ name: endpoint }, row) => {
    const kinds = STEPS[endpoint] ?? [];
    return kinds.map((kind, index): Step => {
      const atSeconds = seconds * (FIRST + (SPAN * (index + row / endpoints.length)) / kinds.length);
      if (kind === 'bad push') return { type: 'bad push', endpoint, atSeconds };
      if (kind === 'organization announced') {
        return { type: 'rotate', endpoint, atSeconds, secret: 'organization', order: 'announced' };
      }
      return { type: 'rotate', endpoint, atSeconds, secret: 'endpoint', order: kind };
    });
  });
}
