import type { IncomingHttpHeaders } from 'node:http';
import type { Verifier } from '@countersign/core';
import type { AdapterOptions, VerifierSource } from '@countersign/core/extend';

/**
 * What the requests of Express and of Fastify have in common. A function that is given one may declare the type of the host that
 * it runs on instead: `(request: FastifyRequest) => …`.
 */
export interface WebhookHttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly params: unknown;
  readonly query: unknown;
}

// Methods, because the parameter of a method may be declared as what it really is: the request of one host.
interface Functions {
  choose(request: WebhookHttpRequest): Verifier | Promise<Verifier>;
  rawBody(request: WebhookHttpRequest): Uint8Array;
}

/** A verifier, or a function that chooses one by route or header (one endpoint, many tenants), never by the unverified body. */
export type WebhookVerifierSource = Verifier | Functions['choose'];

/** What one route may settle for itself; see {@link AdapterOptions}. */
export interface WebhookRouteOptions extends Omit<AdapterOptions<WebhookHttpRequest>, 'rawBody'> {
  /** Hands over the bytes where the host has read them already, as Cloud Functions and Firebase do. */
  rawBody?: Functions['rawBody'];
}

/** Options of {@link WebhookModule}. Beside `verifiers` they are the defaults of every webhook route. */
export interface WebhookModuleOptions extends WebhookRouteOptions {
  /** The verifiers by the names that `@VerifyWebhook` uses. */
  verifiers: Readonly<Record<string, WebhookVerifierSource>>;
}

/** How the shared receiver takes them. */
export type NestVerifierSource = VerifierSource<WebhookHttpRequest>;
