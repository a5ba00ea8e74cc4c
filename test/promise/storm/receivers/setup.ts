import type { StoreMode } from '../endpoints.ts';
import type { Framework, PutBack } from '../settings.ts';
import type { VendorName } from '../simulators.ts';

/** What a receiver process is started with. */
export interface ReceiverSetup {
  /** `3#2`: the third receiver, started for the second time. */
  readonly instance: string;
  readonly framework: Framework;
  readonly seed: number;
  readonly ledgerPort: number;
  readonly skewMs: number;
  readonly redis: { readonly port: number; readonly client: 'ioredis' | 'redis' };
  readonly postgres: { readonly url: string };
  readonly routes: readonly RouteSetup[];
  readonly putBack: PutBack | undefined;
}

export interface RouteSetup {
  readonly endpoint: string;
  readonly vendor: VendorName;
  readonly store: StoreMode;
  readonly secrets: { readonly file: string } | { readonly url: string };
}

/** The table of effects of handlers that work in the transaction of the record. Nothing in it keeps an effect from happening twice. */
export const EFFECTS = 'effects';
