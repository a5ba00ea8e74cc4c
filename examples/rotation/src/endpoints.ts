import type { DefinedScheme } from '@countersign/core';
import { ada, agentMessage, anchorBrowser, github, langsmith, polyai, stripe } from '@countersign/schemes';
import type {
  CommonSenderOptions,
  InPlaceVendorOptions,
  RotationKind,
  SimulateSenderOptions,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';
import type { FrameworkName } from './frameworks.ts';

/** The scheme of each vendor, by the name that the simulated senders have. */
export const SCHEMES = {
  langsmith,
  agentMessage,
  polyai,
  ada,
  anchorBrowser,
  github,
  stripe,
} as const satisfies Readonly<Record<string, () => DefinedScheme>>;

type WithoutReceiver<Options> = Options extends unknown ? Omit<Options, 'receiverUrl' | 'onAttempt'> : never;

/** One webhook endpoint at one vendor: a row of the table, a route of the receivers, a secrets file. */
export interface Endpoint {
  readonly name: string;
  /** What the receivers serve it with. */
  readonly framework: FrameworkName;
  readonly sender: WithoutReceiver<SimulateSenderOptions | (CommonSenderOptions & InPlaceVendorOptions)> & {
    readonly vendor: keyof typeof SCHEMES;
  };
  /** The secrets that the vendor has for it. Its file contains all of them. */
  readonly secrets: readonly RotationKind[];
  /** How long a replaced secret goes on signing in this run, in seconds. */
  readonly graceSeconds: number;
}

const ANCHOR_GRACE_SECONDS = 24 * 3600;
const STRIPE_GRACE_SECONDS = 24 * 3600;

/**
 * Seven vendors, ten endpoints: AgentMessage once for each secret that may sign, Anchor Browser once for each way in which its
 * grace period can be understood.
 *
 * The vendors' hours are compressed, so that retries and grace periods end within the run; `timeScale` says by how much.
 */
export function endpoints(seconds: number): readonly Endpoint[] {
  const anchorGraceSeconds = seconds / 8;
  const anchor = (graceSigns: 'both' | 'old' | 'new', framework: FrameworkName): Endpoint => ({
    name: `anchor-${graceSigns}`,
    framework,
    sender: {
      vendor: 'anchorBrowser',
      graceSigns,
      timeScale: anchorGraceSeconds / ANCHOR_GRACE_SECONDS,
      // The grace and the waits before retries share one scale, which would leave milliseconds of the waits.
      minRetryDelayMs: 4000,
    },
    secrets: ['endpoint'],
    graceSeconds: anchorGraceSeconds,
  });
  const agentMessageEndpoint = (
    name: string,
    signedBy: RotationKind,
    framework: FrameworkName,
  ): Endpoint => ({
    name,
    framework,
    sender: { vendor: 'agentMessage', signedBy, timeScale: 1 / 60 },
    secrets: ['endpoint', 'organization'],
    graceSeconds: 0,
  });
  return [
    {
      name: 'langsmith',
      framework: 'Express',
      sender: { vendor: 'langsmith', timeScale: 1 / 10 },
      secrets: ['endpoint'],
      graceSeconds: 0,
    },
    agentMessageEndpoint('agentmsg', 'endpoint', 'Fastify'),
    agentMessageEndpoint('agentmsg-org', 'organization', 'Koa'),
    {
      name: 'polyai',
      framework: 'Nest',
      sender: { vendor: 'polyai', timeScale: 1 / 60 },
      secrets: ['endpoint'],
      graceSeconds: 0,
    },
    {
      name: 'ada',
      framework: 'fetch in Hono',
      // Ada doesn't say how long a replaced secret goes on signing. Not at all is the hardest case for a receiver.
      sender: { vendor: 'ada', signWith: signBySvix, graceSeconds: 0, timeScale: 1 / 300 },
      secrets: ['endpoint'],
      graceSeconds: 0,
    },
    {
      name: 'github',
      framework: 'Koa',
      sender: { vendor: 'github' },
      secrets: ['endpoint'],
      graceSeconds: 0,
    },
    {
      name: 'stripe',
      framework: 'Express',
      sender: { vendor: 'stripe', timeScale: 1 / 60 },
      secrets: ['endpoint'],
      graceSeconds: STRIPE_GRACE_SECONDS / 60,
    },
    anchor('both', 'Express'),
    anchor('old', 'Fastify'),
    anchor('new', 'Nest'),
  ];
}

/** Ada sends through Svix, so its deliveries are signed by Svix's own library. */
function signBySvix(secret: string, id: string, at: Date, body: string): string {
  return new Webhook(secret).sign(id, at, body);
}
