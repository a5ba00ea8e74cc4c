import type { ReceivedWebhook } from '@countersign/core';
import type { AdapterOptions, VerifierSource } from '@countersign/core/extend';

/** What every framework's request, or context, has in common: enough to pick a verifier by. */
export interface RequestWithHeaders {
  readonly headers: Headers | Record<string, string | string[] | undefined>;
}

/** What the guarded route does. Each framework has its own code for each action. */
export type RouteAction =
  /** Sends a whole response, in the framework's usual way. */
  | { readonly action: 'respond'; readonly status: number; readonly body: string }
  /** Throws before it has returned anything. */
  | { readonly action: 'throw'; readonly error: Error }
  /** Fails asynchronously, in the framework's usual way. */
  | { readonly action: 'reject'; readonly error: Error }
  /** Sends a whole response, then throws. */
  | {
      readonly action: 'respond-then-throw';
      readonly status: number;
      readonly body: string;
      readonly error: Error;
    }
  /**
   * Responds in pieces, in the framework's usual way: each is written separately, a moment after the one before. After the first
   * piece, it waits for `pause`. With `error`, the stream fails after the last piece instead of ending.
   */
  | {
      readonly action: 'stream';
      readonly status: number;
      readonly pieces: readonly string[];
      readonly pause?: Promise<void>;
      readonly error?: Error;
    }
  /** Never responds and never ends. */
  | { readonly action: 'never-end' };

/** What the guarded route sees of one delivery. */
export interface RouteInput {
  /** The framework's property for the verified delivery, with any value. */
  readonly webhook: ReceivedWebhook | undefined;
  /** The framework's property for the body, with any value. */
  readonly body: unknown;
}

/** The input for mounting one case. */
export interface AdapterSetup {
  /** Passed to the adapter unchanged. A function gets the framework's own request or context. */
  readonly verifier: VerifierSource<RequestWithHeaders>;
  /** Passed to the adapter unchanged. */
  readonly options: AdapterOptions<RequestWithHeaders>;
  /**
   * The guarded route calls it once per run. If it returns an action and not a promise of one, the action is done in the same
   * turn: a throw is then synchronous, if the framework supports that.
   */
  readonly handler: (input: RouteInput) => RouteAction | Promise<RouteAction>;
  /**
   * The position of the framework's usual body parsers for the guarded route: none, before the adapter, or between the adapter
   * and the route.
   */
  readonly parser: 'none' | 'before' | 'after';
}

/** A listening server, on the loopback address. */
export interface MountedAdapter {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Mounts an adapter as its users would. It is all that you must write to test an adapter.
 *
 * The server listens on `127.0.0.1`, on a free port, and has two routes: `/hooks/case` for POST, PUT and GET, guarded by the
 * adapter, whose handler does what `setup.handler` returns; and `POST /sibling`, not guarded, which reads its body with the
 * framework's usual JSON parser and responds 200 with the parsed value as JSON.
 */
export type AdapterMount = (setup: AdapterSetup) => Promise<MountedAdapter>;

/**
 * What a host can't do. A case that needs it is replaced by one that asserts what the host does instead, and its name contains
 * the limit.
 */
export type AdapterLimit =
  /** The adapter sees headers only after repeated ones were joined. */
  | 'joined-headers'
  /** The adapter sees only the last one of repeated headers and query parameters. */
  | 'last-of-repeated'
  /** The host hands over bodies of some or all types as text: what is not UTF-8 is lost. */
  | 'text-bodies'
  /** The host reads bodies before the adapter can check the headers. */
  | 'early-body'
  /** The host itself responds to a body over its limit, or with a Content-Encoding. */
  | 'host-body-refusals'
  /** The host itself responds to a malformed JSON body. */
  | 'malformed-json'
  /** The host itself responds to an empty body of a JSON type. */
  | 'empty-json'
  /** The host itself responds to a Content-Type that is not a media type. */
  | 'malformed-content-type'
  /** The framework has no property for the body. */
  | 'no-body-property'
  /** No parser can run before the adapter. */
  | 'no-parser-before'
  /** No parser can run between the adapter and the route. */
  | 'no-parser-after'
  /** A handler's return value is its response, so a later failure is not seen. */
  | 'no-late-failure'
  /** What a handler throws never reaches the adapter, only the status of its response. */
  | 'unseen-handler-errors'
  /** The host sends a response only when it is whole. */
  | 'whole-responses'
  /** If a response fails midway, the host never ends it. */
  | 'failed-streams-hang'
  /** If a response fails midway, the host ends it as if it were whole. */
  | 'failed-streams-end'
  /** The host writes the query anew. */
  | 'rewritten-query'
  /** A response waits until the replay store has confirmed. */
  | 'settles-before-response'
  /** The host responds with 502 if the function that picks a verifier fails. */
  | 'failures-are-502'
  /** The host stops a streamed response when its client leaves. */
  | 'streams-end-with-client'
  /** The host never sends `100 Continue`. */
  | 'no-continue'
  /** The host alone decides what happens to a connection. */
  | 'host-connections'
  /** The adapter has no `rawBody` option. */
  | 'no-raw-body'
  /** The guarded route accepts only POST. */
  | 'post-only';
