import { setTimeout as delay } from 'node:timers/promises';
import type { DefinedScheme } from '@countersign/core';
import { type RotationVendor, rotate } from '@countersign/rotation';
import {
  type AnySimulatedSender,
  type RotationKind,
  rotateThroughApi,
} from '@countersign-internal/simulator';
import type { Receivers } from './receivers.ts';
import type { Step } from './rotations.ts';
import type { SecretsFile } from './secrets-file.ts';
import { webhookOf } from './webhooks.ts';

/** What one rotation works with. */
export interface RotationTools {
  readonly scheme: DefinedScheme;
  readonly sender: AnySimulatedSender;
  readonly file: SecretsFile;
  /** The secrets in the file, in their order. */
  readonly secrets: readonly RotationKind[];
  readonly receivers: Pick<Receivers, 'loaded' | 'health'>;
  /** How long a replaced secret goes on signing, in seconds. */
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
}

/** The person or pipeline that passes the vendor's response on to the store takes a while. Meanwhile deliveries come. */
const HANDOVER_MS = 400;

/** Rotates one secret at the vendor and in the file, in the order that the step says. */
export async function carryOutRotation(step: Step & { type: 'rotate' }, tools: RotationTools): Promise<void> {
  const { sender, file, receivers, secrets, signal } = tools;
  if (step.order === 'unannounced') return rotateByHand(step, tools);
  const { endpoint, secret, order } = step;
  const vendor: RotationVendor = webhookOf(sender, secret, order === 'next first' ? 'custom' : 'generated');
  await rotate({
    vendor,
    target: file.target,
    replaces: secrets.indexOf(secret),
    health: () => receivers.health(endpoint),
    signal,
  });
}

/** What a rotation comes to without this package: nothing is announced, and a person carries the new secret to the file. */
async function rotateByHand(step: Step & { type: 'rotate' }, tools: RotationTools): Promise<void> {
  const { sender, file, receivers, signal } = tools;
  const { endpoint, secret: kind } = step;
  const old = sender.secrets()[kind] ?? '';
  const { status, secret } = await rotateThroughApi(sender, { kind, signal });
  if (secret === undefined) throw new Error(`${endpoint} responded to a rotation with ${status}.`);
  const at = Date.now();
  await delay(HANDOVER_MS, undefined, { signal });
  const version = await file.replace({ old, secret, notAfter: endOfReplaced(at, tools) });
  await receivers.loaded(endpoint, version);
}

/**
 * Until when a delivery signed with the replaced secret can come: the vendor's own end, plus the span of the retries if a retry
 * keeps its first signature, else plus the tolerance.
 */
function endOfReplaced(at: number, { scheme, sender, graceSeconds }: RotationTools): Date {
  const { attemptsAfterSeconds, retrySignature } = sender.account.delivery;
  const retrySpan = attemptsAfterSeconds.reduce((sum, seconds) => sum + seconds, 0);
  const tolerance = scheme.freshness.signed === 'header' ? scheme.freshness.past : 0;
  return new Date(at + (graceSeconds + (retrySignature === 'repeated' ? retrySpan : tolerance)) * 1000);
}
