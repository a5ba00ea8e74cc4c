import { setTimeout as delay } from 'node:timers/promises';
import type { DefinedScheme } from '@countersign/core';
import { type RotationKind, rotateThroughApi, type SimulatedSender } from '@countersign/testing';
import type { Receivers } from './receivers.ts';
import type { Step } from './rotations.ts';
import type { SecretsFile } from './secrets-file.ts';

/** What one rotation works with. */
export interface RotationTools {
  readonly scheme: DefinedScheme;
  readonly sender: SimulatedSender;
  readonly file: SecretsFile;
  readonly receivers: Pick<Receivers, 'loaded'>;
  /** How long a replaced secret goes on signing, in seconds. */
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
}

/** Whoever hands the vendor's answer on to the store, a person or a pipeline, takes a while. Meanwhile deliveries come. */
const HANDOVER_MS = 400;
const ANNOUNCED_MS = 60_000;

/** Rotates one secret at the vendor and in the store, in the order that the step says. */
export async function rotate(step: Step & { type: 'rotate' }, tools: RotationTools): Promise<void> {
  const { sender, file, signal } = tools;
  const { endpoint, secret: kind, order } = step;
  const asked: { kind: RotationKind; signal: AbortSignal; key?: string } = { kind, signal };

  if (order === 'next first') {
    asked.key = sender.account.mintSecret();
    file.stage(kind, asked.key);
    await publish(endpoint, tools);
  }
  if (order === 'announced') {
    file.announce(new Date(Date.now() + ANNOUNCED_MS));
    await publish(endpoint, tools);
  }

  const { status, body, secret } = await rotateThroughApi(sender, asked);
  if (secret === undefined) throw new Error(`${endpoint} answered a rotation with ${status}.`);
  const at = new Date();
  await delay(HANDOVER_MS, undefined, { signal });

  file.promote(kind, secret, endOfReplaced(body, at, tools));
  await publish(endpoint, tools);
}

/** Writes the file and waits until both receivers have it. */
async function publish(endpoint: string, { file, receivers }: RotationTools): Promise<void> {
  await receivers.loaded(endpoint, await file.publish());
}

/**
 * Until when a delivery signed with the replaced secret can come: the vendor's own end, plus the span of the retries where a retry
 * keeps its first signature, else plus the tolerance.
 */
function endOfReplaced(answer: unknown, at: Date, { scheme, sender, graceSeconds }: RotationTools): Date {
  const vendorsEnd = validUntil(answer) ?? at.getTime() + graceSeconds * 1000;
  const { attemptsAfterSeconds, retrySignature } = sender.account.delivery;
  const retrySpan = attemptsAfterSeconds.reduce((sum, seconds) => sum + seconds, 0);
  const tolerance = scheme.freshness.signed === 'header' ? scheme.freshness.past : 0;
  return new Date(vendorsEnd + (retrySignature === 'repeated' ? retrySpan : tolerance) * 1000);
}

/** AgentMessage says in its answer how long the replaced secret of an organisation stays valid. */
function validUntil(answer: unknown): number | undefined {
  if (answer === null || typeof answer !== 'object' || !('previous_valid_until' in answer)) return undefined;
  return typeof answer.previous_valid_until === 'string'
    ? Date.parse(answer.previous_valid_until)
    : undefined;
}
