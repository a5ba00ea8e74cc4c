import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Verifier, VerifierOptions, WebhookEvent } from '@countersign/core';
import { checkKeys, checkNumber, configError } from '@countersign/core/extend';
import { randomToken } from './access.ts';
import type { Delivery } from './delivery.ts';
import { ExplainQueue } from './explain-queue.ts';
import { createHandler } from './handler.ts';
import { type NodeListener, nodeListener } from './node-listener.ts';
import { DEFAULT_LIMITS, Recorder } from './recorder.ts';
import { Replays } from './replay.ts';
import { noteEvent, type WatchedVerifier, watchedVerifier } from './watched-verifier.ts';

/** Options of {@link inspector}. */
export interface InspectorOptions<Names extends string = string> {
  /** The options of your verifiers, each under a name of your choice: what `createVerifier()` takes. */
  verifiers: Readonly<Record<Names, VerifierOptions>>;
  /** The path below which the page is. Default: `/countersign`. */
  path?: string;
  /**
   * What the page's address contains, so that nobody else can open it: at least 16 letters, digits, `-` and `_`. Default: a random token,
   * which changes with each start.
   */
  token?: string;
  /**
   * Names in addition to localhost under which the page may be opened, for example `app.test`. With it, `listener` also accepts
   * connections from other machines: of a container, for example.
   */
  hosts?: readonly string[];
  /** Where replays are sent. Default: the origin under which the page was opened. */
  replayTo?: string;
  /** How many deliveries are kept. Default: 5000. */
  maxDeliveries?: number;
  /** How many bytes of headers and bodies are kept. Default: 67,108,864 (64 MiB). */
  maxBytes?: number;
}

/** What {@link inspector} returns. */
export interface Inspector<Names extends string = string> {
  /** The verifiers, for your adapters. They respond to senders as those of `createVerifier()` do. */
  readonly verifiers: Readonly<Record<Names, Verifier>>;
  /** Where the page is, with the token: `/countersign/Zk3…/`. Print it at the start. */
  readonly path: string;
  /** Responds to the requests of the page: for hosts with Web `Request` and `Response`. */
  fetch(request: Request): Promise<Response>;
  /** The same for Node's servers: a listener, or middleware of Express, Connect and Vite. */
  readonly listener: NodeListener;
  /** Closes the verifiers, and stops listening to events. */
  close(): Promise<void>;
}

const KNOWN = Object.keys({
  verifiers: true,
  path: true,
  token: true,
  hosts: true,
  replayTo: true,
  maxDeliveries: true,
  maxBytes: true,
} satisfies Record<keyof InspectorOptions, true>);

/**
 * Makes verifiers for development, and a page that shows what they see: each request with its verdict, the cause of a refusal, headers,
 * body and timeline.
 *
 * The page shows bodies and headers to everybody who knows its address, so it is for development only.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if `NODE_ENV` is `production`, or an option is wrong; what `createVerifier()` throws.
 * @example
 * ```ts
 * const inspect = inspector({ verifiers: { stripe: { scheme: stripe(), secrets: envSecrets('STRIPE_SECRET') } } })
 * app.use(inspect.listener)
 * app.post('/hooks/stripe', webhook(inspect.verifiers.stripe), handler)
 * console.log(`Inspector: http://localhost:3000${inspect.path}`)
 * ```
 */
export function inspector<Names extends string>(options: InspectorOptions<Names>): Inspector<Names> {
  if (process.env.NODE_ENV === 'production')
    throw configError(
      'inspector() is for development, but NODE_ENV is "production". Use createVerifier() there.',
    );
  const checked = checkKeys('inspector()', options, KNOWN);
  const { verifiers: given, token = randomToken(), hosts, replayTo } = checked;
  const recorder = new Recorder({
    maxDeliveries: checkNumber('maxDeliveries', checked.maxDeliveries, {
      ...{ min: 1, max: 1_000_000, fallback: DEFAULT_LIMITS.maxDeliveries },
    }),
    maxBytes: checkNumber('maxBytes', checked.maxBytes, {
      ...{ min: 1, max: 2 ** 40, fallback: DEFAULT_LIMITS.maxBytes },
    }),
  });
  const mountPath = readPath(checked.path);
  checkToken(token);
  checkHosts(hosts);
  if (replayTo !== undefined && !URL.canParse(replayTo))
    throw configError('"replayTo" must be a URL such as "http://localhost:3000".');
  if (given === null || typeof given !== 'object' || Object.keys(given).length === 0)
    throw configError(
      '"verifiers" must name the options of at least one verifier: { stripe: { scheme, secrets } }.',
    );

  const notes = { recorder, replays: new Replays(), explanations: new ExplainQueue() };
  const watched = (Object.entries(given) as [Names, VerifierOptions][]).map(
    ([name, each]): [Names, WatchedVerifier] => [name, watchedVerifier(name, each, notes)],
  );
  const verifiers = Object.fromEntries(watched.map(([name, { verifier }]) => [name, verifier])) as Record<
    Names,
    Verifier
  >;
  // All events are published there, so that the verifiers need no observer, and warn as they would without the inspector.
  const onEvent = (event: unknown) => noteEvent(event as WebhookEvent, notes);
  subscribe('countersign:webhook', onEvent);

  const fetch = createHandler({
    ...{ recorder, token, mountPath, hosts: hosts ?? [], title: 'development server' },
    endpoints: watched.map(([name, { endpoint }]) => ({ name, scheme: endpoint.scheme.name })),
    replay: (delivery: Delivery, request: Request) =>
      notes.replays.send(delivery, replayTo ?? new URL(request.url).origin),
  });
  const path = `${mountPath}${token}/`;
  return {
    verifiers,
    path,
    fetch,
    listener: nodeListener(fetch, { mountPath, remote: hosts !== undefined }),
    async close() {
      unsubscribe('countersign:webhook', onEvent);
      notes.explanations.close();
      await Promise.all((Object.values(verifiers) as Verifier[]).map((verifier) => verifier.close()));
    },
  };
}

function readPath(path = '/countersign'): string {
  if (typeof path !== 'string' || !/^(?:\/[\w.~-]+)+\/?$/.test(path))
    throw configError('"path" must be a path such as "/countersign".');
  return path.endsWith('/') ? path : `${path}/`;
}

function checkToken(token: unknown): void {
  if (typeof token !== 'string' || !/^[\w-]{16,200}$/.test(token))
    throw configError('"token" must be at least 16 letters, digits, "-" and "_".');
}

function checkHosts(hosts: unknown): void {
  if (hosts === undefined) return;
  const isList =
    Array.isArray(hosts) && hosts.every((each) => typeof each === 'string' && /^[^/:]+$/.test(each));
  if (!isList) throw configError('"hosts" must be a list of names without ports, such as ["app.test"].');
}
