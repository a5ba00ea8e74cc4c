import type { ApiRoute } from '../sender/management-api.ts';
import type { DeliveryPolicy, VendorEvent } from '../sender/vendor-event.ts';

/** One endpoint of a simulated account. */
export interface EndpointState {
  readonly id: string;
  readonly secret: string;
  /** The secrets that sign, if not `secret` alone. */
  readonly signing?: () => readonly string[];
  readonly url: string;
  /** What the vendor shows of it in addition. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly isEnabled: boolean;
}

/** The endpoints of one account, as the routes of its API see them. */
export interface EndpointTable {
  all(): readonly EndpointState[];
  add(endpoint: EndpointState): void;
  /** Gives up its retries. Requests that are on their way end as ever. */
  remove(id: string): void;
  /** One delivery of this endpoint whose outcome the caller needs. */
  attemptOnce(
    id: string,
    event: VendorEvent,
  ): Promise<{ effect: 'delivered' | 'retry' | 'final'; status: number | undefined; durationMs: number }>;
}

/** What differs between vendors with several endpoints. */
export interface EndpointVendor {
  readonly delivery: DeliveryPolicy;
  readonly credentials: { readonly apiKey: string; readonly otherKey: string };
  firstEndpoint(url: string): EndpointState;
  newEvent(about: { sequence: number | undefined; at: Date; type?: string }): VendorEvent;
  digest(secret: string, event: Pick<VendorEvent, 'id' | 'body'>, seconds: number): string;
  headers(event: VendorEvent, seconds: number, digests: readonly string[]): Record<string, string>;
  routes(table: EndpointTable): readonly ApiRoute[];
  errorBody(status: number): unknown;
  errorHeaders?(): Readonly<Record<string, string>>;
}
