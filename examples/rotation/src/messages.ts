import type { KeyRole, VerifierHealth, WebhookErrorCode } from '@countersign/core';
import type { VendorName } from '@countersign-internal/simulator';
import type { FrameworkName } from './frameworks.ts';

/** What a receiver process has to know of one endpoint. */
export interface Route {
  readonly endpoint: string;
  readonly vendor: VendorName;
  readonly framework: FrameworkName;
  readonly secretsPath: string;
}

/** Where the receiver processes remember deliveries together, if there is such a place. */
export interface StorePlace {
  readonly url: string;
  readonly prefix: string;
}

/** From the parent to a receiver process. */
export type Order =
  | { readonly type: 'start'; readonly routes: readonly Route[]; readonly store: StorePlace | undefined }
  /** Asks for a report; its answer comes after everything that happened before. */
  | { readonly type: 'report'; readonly request: number };

/** One run of a handler. */
export interface Run {
  readonly endpoint: string;
  /** The number in the delivery's body. */
  readonly sequence?: number | undefined;
  readonly role: KeyRole;
  readonly pid: number;
}

/** How one endpoint's secrets stand in one process. */
export interface SecretsReport {
  readonly endpoint: string;
  readonly state: VerifierHealth['state'];
  readonly version?: string | undefined;
  readonly rotatingUntil?: Date | undefined;
  readonly keys: readonly { readonly id: string; readonly role: KeyRole }[];
  /** Why the last reload failed, if it did. */
  readonly refused?: { readonly code: WebhookErrorCode; readonly message: string } | undefined;
}

/** From a receiver process to the parent. */
export type Notice =
  | { readonly type: 'listening'; readonly port: number }
  | ({ readonly type: 'ran' } & Run)
  | { readonly type: 'refused'; readonly endpoint: string; readonly code: WebhookErrorCode }
  | { readonly type: 'loaded'; readonly endpoint: string; readonly version?: string | undefined }
  | { readonly type: 'set refused'; readonly endpoint: string }
  | { readonly type: 'report'; readonly request: number; readonly secrets: readonly SecretsReport[] };
