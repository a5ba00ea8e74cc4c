import type { KeyRole, VerifierHealth, WebhookErrorCode } from '@countersign/core';
import type { SCHEMES } from './endpoints.ts';
import type { FrameworkName } from './frameworks.ts';

/** The configuration of one endpoint for a receiver process. */
export interface Route {
  readonly endpoint: string;
  readonly vendor: keyof typeof SCHEMES;
  readonly framework: FrameworkName;
  readonly secretsPath: string;
}

/** The store that the receiver processes share, if there is one. */
export interface StorePlace {
  readonly url: string;
  readonly prefix: string;
}

/** From the parent to a receiver process. */
export type Order =
  | { readonly type: 'start'; readonly routes: readonly Route[]; readonly store: StorePlace | undefined }
  /** Asks for a report; its response comes after everything that happened before. */
  | { readonly type: 'report'; readonly request: number };

/** One run of a handler. */
export interface Run {
  readonly endpoint: string;
  /** The number in the delivery's body. */
  readonly sequence?: number | undefined;
  /** The delivery's id, as the verifier knows it. */
  readonly id: string;
  readonly role: KeyRole;
  readonly pid: number;
}

/** The state of one endpoint's secrets in one process. */
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
  /** The handler has done its work. The store does not remember the delivery yet. */
  | { readonly type: 'finished'; readonly endpoint: string; readonly id: string; readonly pid: number }
  /** The run of a handler has ended, and the store remembers the delivery. */
  | { readonly type: 'noted'; readonly endpoint: string; readonly id: string; readonly pid: number }
  | { readonly type: 'loaded'; readonly endpoint: string; readonly version?: string | undefined }
  | { readonly type: 'set refused'; readonly endpoint: string }
  | { readonly type: 'report'; readonly request: number; readonly secrets: readonly SecretsReport[] };
