import type { DefinedScheme } from '@countersign/core';
import { type RecoveryVendor, recoverable } from '@countersign/rotation';
import { github, resend, stripe, svix } from '@countersign/schemes';
import {
  type RecoverableSender,
  type RecoverableSenderOptions,
  simulateGithub,
  simulateResend,
  simulateStripe,
  simulateSvix,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';

/** One sender from which deliveries are recovered. */
export interface Recoverable {
  readonly name: string;
  readonly scheme: DefinedScheme;
  start(options: RecoverableSenderOptions): Promise<RecoverableSender>;
  vendor(sender: RecoverableSender): RecoveryVendor;
  /** Its API can't send a delivery again: the receiver gets it from `recover()`. */
  readonly needsReceiver: boolean;
}

const signWith = (secret: string, id: string, at: Date, body: string): string =>
  new Webhook(secret).sign(id, at, body);

/** Every sender of `recoverable`. */
export const senders: readonly Recoverable[] = [
  {
    name: 'GitHub',
    scheme: github(),
    start: simulateGithub,
    vendor({ access: { owner = '', repo = '', hookId = '', token }, apiUrl: baseUrl }) {
      return recoverable.github({ owner, repo, hookId, token, baseUrl });
    },
    needsReceiver: false,
  },
  {
    name: 'Stripe',
    scheme: stripe(),
    start: simulateStripe,
    vendor({ access: { endpointId = '', apiKey }, secret: secrets, apiUrl: baseUrl }) {
      return recoverable.stripe({ endpointId, apiKey, secrets, baseUrl });
    },
    needsReceiver: true,
  },
  {
    name: 'Svix',
    scheme: svix(),
    start: (options) => simulateSvix({ ...options, signWith }),
    vendor({ access: { appId = '', endpointId = '', apiKey }, apiUrl: baseUrl }) {
      return recoverable.svix({ appId, endpointId, apiKey, baseUrl });
    },
    needsReceiver: false,
  },
  {
    name: 'Resend',
    scheme: resend(),
    start: (options) => simulateResend({ ...options, signWith }),
    vendor({ access: { webhookId = '', apiKey }, apiUrl: baseUrl }) {
      return recoverable.resend({ webhookId, apiKey, baseUrl });
    },
    needsReceiver: false,
  },
];
