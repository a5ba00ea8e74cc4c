import { type Clock, WebhookError } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import {
  type AttemptEvent,
  type CapturedRequest,
  DeliveryQueue,
  type EventRecord,
  type SenderStats,
} from './delivery-queue.ts';
import { type ApiFaults, ManagementApi } from './management-api.ts';
import type {
  AccountSetup,
  AnyAccount,
  DeliveryPolicy,
  InPlaceVendorName,
  SenderCredentials,
  VendorAccount,
  VendorName,
} from './vendor-account.ts';
import { type AdaOptions, ada } from './vendors/ada.ts';
import { type AgentMessageOptions, agentMessage } from './vendors/agent-message.ts';
import { type AnchorBrowserOptions, anchorBrowser } from './vendors/anchor-browser.ts';
import { type GithubOptions, github } from './vendors/github.ts';
import { type GitlabOptions, gitlab } from './vendors/gitlab.ts';
import { langsmith } from './vendors/langsmith.ts';
import { lemonSqueezy } from './vendors/lemon-squeezy.ts';
import { linear } from './vendors/linear.ts';
import { nylas } from './vendors/nylas.ts';
import { openai } from './vendors/openai.ts';
import { polyai } from './vendors/polyai.ts';
import { stripe } from './vendors/stripe.ts';
import { wooCommerce } from './vendors/woocommerce.ts';

/** The options of every simulation, for all vendors. */
export interface CommonSenderOptions {
  /** Where events are sent: an `http:` address. */
  readonly receiverUrl: string;
  /**
   * Shortens the vendor's time: the waits between attempts, and how long a replaced secret goes on signing, are multiplied by it.
   * The timeout of an attempt is not, for the receiver works in real time; nor are the receiver's own waits. Leave it large enough
   * that the retries go on for longer than the receiver takes to load a new secret. Above 0, at most 1. Default: 1.
   */
  readonly timeScale?: number;
  /** The shortest wait before a retry, in milliseconds, if `timeScale` leaves less. Default: 10. */
  readonly minRetryDelayMs?: number;
  /** How long one attempt waits for a response. Default: what the vendor documents. */
  readonly timeoutSeconds?: number;
  /**
   * Seconds of waiting before each attempt, starting with 0. Default: what the vendor documents or, if it doesn't, the stated
   * assumption.
   */
  readonly attemptsAfterSeconds?: readonly number[];
  /**
   * Whether a retry is signed again, or carries the first attempt's headers. Default: what is known or inferred of the vendor.
   */
  readonly retrySignature?: 'renewed' | 'repeated';
  /** The first secret, in the vendor's form. Default: a new one. */
  readonly initialSecret?: string;
  /** Default: new ones. */
  readonly credentials?: Partial<SenderCredentials>;
  /** Called after every attempt. */
  readonly onAttempt?: (attempt: AttemptEvent) => void;
  /** Default: the machine's own. */
  readonly clock?: Clock;
}

/** Options of {@link simulateSender}: the common ones, and those of one vendor. */
export type SimulateSenderOptions = CommonSenderOptions &
  (
    | { readonly vendor: 'langsmith' | 'polyai' }
    | ({ readonly vendor: 'agentMessage' } & AgentMessageOptions)
    | ({ readonly vendor: 'ada' } & AdaOptions)
    | ({ readonly vendor: 'anchorBrowser' } & AnchorBrowserOptions)
  );

/** The vendors whose simulations have no options of their own. */
const PLAIN_ACCOUNTS = { langsmith, polyai } as const;
const PLAIN_IN_PLACE = { lemonSqueezy, linear, nylas, openai, stripe, wooCommerce } as const;

/** One of the vendors that can be simulated for rotations, and its own options. */
export type InPlaceVendorOptions =
  | { readonly vendor: keyof typeof PLAIN_IN_PLACE }
  | ({ readonly vendor: 'github' } & GithubOptions)
  | ({ readonly vendor: 'gitlab' } & GitlabOptions);

/** A vendor's account with one webhook endpoint, running in this process. */
export interface SimulatedSender<Name extends VendorName | InPlaceVendorName = VendorName> {
  readonly vendor: Name;
  readonly receiverUrl: string;
  readonly clock: Clock;
  /** Where the management API listens, without a trailing slash. */
  readonly apiUrl: string;
  readonly endpointId: string;
  readonly credentials: SenderCredentials;
  /** The vendor's formula, ids, retry rules and assumptions. */
  readonly account: VendorAccount<Name>;
  /** Makes calls of the management API fail, and counts them. */
  readonly api: ApiFaults;
  /** The newest secrets, as a fresh customer would have been shown them. Hand one to a receiver before it starts, not to a rotating one. */
  secrets(): { readonly endpoint: string; readonly organization?: string };
  /** Sends `count` new events at once. Default: 1. */
  emit(count?: number): void;
  /** Sends a steady load. The returned function stops it, and resolves when every event is delivered or lost. */
  run(load: { readonly perSecond: number }): () => Promise<void>;
  /** Resolves when every event is delivered or lost, or the sender is closed. */
  idle(): Promise<void>;
  stats(): SenderStats;
  /** Every event so far, in the order sent. */
  events(): readonly EventRecord[];
  /** The last requests that got a success, oldest first: what an eavesdropper could send again. */
  captured(): readonly CapturedRequest[];
  /** Drops pending events, ends every connection and frees the port of the API. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An account at any of the vendors. */
export type AnySimulatedSender = SimulatedSender<VendorName | InPlaceVendorName>;

const MIN_TICK_MS = 5;

/**
 * Starts one simulated vendor account with one webhook endpoint. It signs with its own code, sends over real HTTP, retries and
 * drops events as the vendor does, and serves the vendor's management API, so that its secret is rotated as in production.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option, and for Ada without `signWith`.
 * @example
 * ```ts
 * const sender = await simulateSender({ vendor: 'polyai', receiverUrl: 'http://127.0.0.1:3000/hooks', timeScale: 1 / 3000 })
 * sender.emit(10)
 * const { secret } = await rotateThroughApi(sender)
 * await sender.idle()
 * console.log(sender.stats())
 * await sender.close()
 * ```
 */
export function simulateSender(options: SimulateSenderOptions): Promise<SimulatedSender>;
export function simulateSender(
  options: CommonSenderOptions & InPlaceVendorOptions,
): Promise<SimulatedSender<InPlaceVendorName>>;
export function simulateSender(
  options: SimulateSenderOptions | (CommonSenderOptions & InPlaceVendorOptions),
): Promise<AnySimulatedSender>;
export async function simulateSender(
  options: SimulateSenderOptions | (CommonSenderOptions & InPlaceVendorOptions),
): Promise<AnySimulatedSender> {
  const { clock = systemClock, timeScale = 1, minRetryDelayMs = 10, receiverUrl } = options;
  check(isHttpUrl(receiverUrl), '"receiverUrl" must be an http: address.');
  check(timeScale > 0 && timeScale <= 1, '"timeScale" must be above 0 and at most 1.');
  check(minRetryDelayMs >= 0, '"minRetryDelayMs" must be 0 or more.');

  const account = openAccount(options, {
    receiverUrl,
    clock,
    timeScale,
    initialSecret: options.initialSecret,
    credentials: options.credentials ?? {},
  });
  const queue = new DeliveryQueue(account, {
    receiverUrl,
    clock,
    timeScale,
    minRetryDelayMs,
    policy: deliveryPolicy(account.delivery, options),
    onAttempt: options.onAttempt,
  });

  let sequence = 0;
  const enqueue = (type?: string): string => {
    const about = { sequence: ++sequence, at: new Date(clock.now()) };
    const event = account.newEvent(type === undefined ? about : { ...about, type });
    queue.enqueue(event);
    return event.id;
  };
  const api = new ManagementApi(account, {
    attemptOnce: (event) => queue.attemptOnce(event),
    enqueue,
    attempts: () => queue.attempts(),
    redeliver: (id) => queue.redeliver(id),
  });
  const apiUrl = await api.listen();

  const loads = new Set<() => void>();
  const emit = (count = 1): void => {
    for (let left = count; left > 0; left--) enqueue();
  };
  const run = ({ perSecond }: { perSecond: number }): (() => Promise<void>) => {
    check(perSecond > 0 && Number.isFinite(perSecond), '"perSecond" must be above 0.');
    const stop = repeat(clock, perSecond, emit);
    loads.add(stop);
    return () => {
      stop();
      loads.delete(stop);
      return queue.idle();
    };
  };
  const close = async (): Promise<void> => {
    for (const stop of loads) stop();
    await Promise.all([queue.close(), api.close()]);
  };

  return {
    vendor: account.vendor,
    receiverUrl,
    clock,
    apiUrl,
    endpointId: account.endpointId,
    credentials: account.credentials,
    account,
    api,
    secrets: () => account.secrets(),
    emit,
    run,
    idle: () => queue.idle(),
    stats: () => queue.stats(),
    events: () => queue.events(),
    captured: () => queue.captured(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function openAccount(options: SimulateSenderOptions | InPlaceVendorOptions, setup: AccountSetup): AnyAccount {
  switch (options.vendor) {
    case 'agentMessage':
      return agentMessage(setup, options);
    case 'ada':
      return ada(setup, options);
    case 'anchorBrowser':
      return anchorBrowser(setup, options);
    case 'github':
      return github(setup, options);
    case 'gitlab':
      return gitlab(setup, options);
    case 'langsmith':
    case 'polyai':
      return PLAIN_ACCOUNTS[options.vendor](setup);
    default: {
      const open = Object.hasOwn(PLAIN_IN_PLACE, options.vendor) ? PLAIN_IN_PLACE[options.vendor] : undefined;
      if (open !== undefined) return open(setup);
      throw new WebhookError(
        'ERR_WEBHOOK_CONFIG_INVALID',
        `"vendor" must be langsmith, agentMessage, polyai, ada, anchorBrowser, github, gitlab, ${Object.keys(PLAIN_IN_PLACE).join(', ')}.`,
      );
    }
  }
}

function deliveryPolicy(documented: DeliveryPolicy, options: CommonSenderOptions): DeliveryPolicy {
  const policy: DeliveryPolicy = {
    ...documented,
    timeoutSeconds: options.timeoutSeconds ?? documented.timeoutSeconds,
    attemptsAfterSeconds: options.attemptsAfterSeconds ?? documented.attemptsAfterSeconds,
    retrySignature: options.retrySignature ?? documented.retrySignature,
  };
  check(policy.timeoutSeconds > 0, '"timeoutSeconds" must be above 0.');
  check(policy.attemptsAfterSeconds[0] === 0, '"attemptsAfterSeconds" must start with 0.');
  return policy;
}

/** Emits as many events as are due, at a pace that the clock sets. */
function repeat(clock: Clock, perSecond: number, emit: (count: number) => void): () => void {
  const start = clock.monotonic();
  let emitted = 0;
  let cancel = (): void => undefined;
  const tick = (): void => {
    const due = Math.floor(((clock.monotonic() - start) / 1000) * perSecond);
    emit(due - emitted);
    emitted = due;
    cancel = clock.schedule(tick, Math.max(MIN_TICK_MS, 1000 / perSecond));
  };
  tick();
  return () => cancel();
}

function isHttpUrl(url: unknown): url is string {
  return typeof url === 'string' && URL.canParse(url) && new URL(url).protocol === 'http:';
}

function check(condition: boolean, message: string): void {
  if (!condition) throw new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}
