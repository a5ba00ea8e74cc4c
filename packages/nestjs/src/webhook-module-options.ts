import type { IncomingHttpHeaders } from 'node:http';
import type { Verifier } from '@countersign/core';
import type { AdapterOptions, VerifierSource } from '@countersign/core/extend';

/**
 * What the requests of Express and of Fastify have in common. A function that receives one may declare the type of its host
 * instead: `(request: FastifyRequest) => …`.
 */
export interface WebhookHttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly params: unknown;
  readonly query: unknown;
  /** Set by some hosts that have read the body, for example Cloud Functions. */
  readonly rawBody?: Uint8Array;
}

// A method, so that the parameter may be declared as the request of one host.
interface Functions {
  choose(request: WebhookHttpRequest): Verifier | undefined | Promise<Verifier | undefined>;
}

/** A verifier, or a function that picks one by route or header (one endpoint, many tenants), never by the unverified body. */
export type WebhookVerifierSource = Verifier | Functions['choose'];

/** The options of one route; see {@link AdapterOptions}. */
export interface WebhookRouteOptions extends AdapterOptions<WebhookHttpRequest> {}

/** Options of {@link WebhookModule}. All but `verifiers` are defaults that a route may change. */
export interface WebhookModuleOptions extends WebhookRouteOptions {
  /** The verifiers by the names that `@VerifyWebhook` uses. */
  verifiers: Readonly<Record<string, WebhookVerifierSource>>;
}

/** The type that the shared receiver takes. */
export type NestVerifierSource = VerifierSource<WebhookHttpRequest>;
