import { createHmac } from 'node:crypto';
import type { DefinedScheme } from '@countersign/core';
import { ada, agentMessage, anchorBrowser, langsmith, polyai } from '@countersign/schemes';
import type { SimulateSenderOptions, VendorName } from './simulators.ts';

/** The scheme of each vendor, by the name that the simulated senders have. */
export const SCHEMES: Readonly<Record<VendorName, () => DefinedScheme>> = {
  langsmith,
  agentMessage,
  polyai,
  ada,
  anchorBrowser,
};

/** `transaction`: PostgreSQL, the record and the effect of the handler in one transaction. */
export type StoreMode = 'redis' | 'postgres' | 'transaction';
export type SourceKind = 'file' | 'server';

type WithoutReceiver<Options> = Options extends unknown ? Omit<Options, 'receiverUrl'> : never;

/** One webhook endpoint of one vendor, served by every receiver. */
export interface Endpoint {
  readonly name: string;
  readonly sender: WithoutReceiver<SimulateSenderOptions>;
  readonly store: StoreMode;
  readonly source: SourceKind;
  /** Whether the sender retries what no key matches, whatever else happens. AgentMessage documents nothing of the kind. */
  readonly retriesMismatch: boolean;
}

/** All timeouts of the senders are multiplied by this, as their waits are by `timeScale`. */
export const TIMEOUT_SCALE = 1 / 4;

/**
 * The five vendors, each with its own rules. `timeScale` compresses the waits between their attempts so that they end within a run,
 * and leaves their number and proportions as they are.
 */
export const ENDPOINTS: readonly [Endpoint, ...Endpoint[]] = [
  {
    name: 'langsmith',
    sender: { vendor: 'langsmith', timeScale: 1 / 12 },
    store: 'redis',
    source: 'file',
    retriesMismatch: true,
  },
  {
    name: 'polyai',
    sender: { vendor: 'polyai', timeScale: 1 / 1000 },
    store: 'postgres',
    source: 'server',
    retriesMismatch: true,
  },
  {
    name: 'agentmsg',
    sender: { vendor: 'agentMessage', timeScale: 1 / 1000 },
    store: 'redis',
    source: 'file',
    retriesMismatch: false,
  },
  {
    name: 'ada',
    sender: {
      vendor: 'ada',
      timeScale: 1 / 4000,
      graceSeconds: 0,
      signWith: signAsSvix,
    },
    store: 'transaction',
    source: 'server',
    retriesMismatch: true,
  },
  {
    name: 'anchor',
    sender: { vendor: 'anchorBrowser', timeScale: 1 / 4000, graceSigns: 'both' },
    store: 'redis',
    source: 'server',
    retriesMismatch: true,
  },
  {
    name: 'langsmith-orders',
    sender: { vendor: 'langsmith', timeScale: 1 / 12 },
    store: 'transaction',
    source: 'file',
    retriesMismatch: true,
  },
  {
    name: 'anchor-new',
    sender: { vendor: 'anchorBrowser', timeScale: 1 / 4000, graceSigns: 'new' },
    store: 'postgres',
    source: 'file',
    retriesMismatch: true,
  },
];

/** Svix' formula: Ada signs with Svix. */
function signAsSvix(secret: string, id: string, at: Date, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const content = `${id}.${Math.floor(at.getTime() / 1000)}.${body}`;
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

export function endpointOf(name: string): Endpoint {
  const found = ENDPOINTS.find((endpoint) => endpoint.name === name);
  if (found === undefined) throw new Error(`There is no endpoint "${name}".`);
  return found;
}

/** Which server a mode keeps its records in. */
export function serverOf(store: StoreMode): 'redis' | 'postgres' {
  return store === 'redis' ? 'redis' : 'postgres';
}
