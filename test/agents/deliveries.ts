import { randomBytes } from 'node:crypto';
import type { SignatureRule } from '@countersign/core';
import { type SignedRequest, sign } from '@countersign/testing';
import { PUBLIC_URL } from './running-app.ts';
import type { Task } from './tasks.ts';

/** A delivery, and what the app's work must get. */
export interface Delivery {
  readonly ref: string;
  readonly event: unknown;
  readonly request: RequestInit;
}

/** A secret as the sender makes them. */
export function newSecret({ scheme }: Task): string {
  const isStandard = /^(?:svix|standard-webhooks)$/.test(scheme.name);
  return isStandard ? `whsec_${randomBytes(24).toString('base64')}` : randomBytes(16).toString('hex');
}

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;

let count = 0;

/** A new delivery, signed with a secret. `ageSeconds` is for senders that sign the time. */
export function delivery(task: Task, secret: string, ageSeconds = 0): Delivery {
  const ref = `ref-${++count}`;
  const time = new Date(Date.now() - ageSeconds * 1000);
  const body = task.form ? formOf(ref) : jsonOf(task, ref, time);
  const event = task.form ? Object.fromEntries(new URLSearchParams(body)) : JSON.parse(body);
  const signed = sign(task.scheme, {
    secret,
    body,
    timestamp: time,
    url: PUBLIC_URL,
    // Twilio signs a form by its second rule.
    ...(task.form && { rule: 1, headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  });
  return { ref, event, request: requestOf(signed) };
}

/** A delivery that is too old, if the sender signs a time. */
export function oldDelivery(task: Task, secret: string): Delivery | undefined {
  const { definition } = task.scheme;
  if (definition.bodyTimestamp !== undefined) return delivery(task, secret, 8 * DAY_SECONDS);
  const rules: readonly SignatureRule[] = [definition.signed].flat();
  return rules.some(({ timestamp }) => timestamp !== undefined)
    ? delivery(task, secret, HOUR_SECONDS)
    : undefined;
}

/** What a sender sends before it uses an endpoint. */
export function testOfEndpoint({ scheme }: Task, secret: string, body: string): Delivery {
  return { ref: 'undefined', event: undefined, request: requestOf(sign(scheme, { secret, body })) };
}

function requestOf({ headers, body }: SignedRequest): RequestInit {
  return { method: 'POST', headers, body };
}

/** Spelled as no serializer spells it: who signs or compares what was parsed and written again, fails. */
function jsonOf({ scheme: { definition } }: Task, ref: string, time: Date): string {
  const { identity, bodyTimestamp } = definition;
  const fields = [`"ref":  "${ref}"`, '"amount": 10.0', '"text" : "\\u00fcber ✓ \\/"'];
  if (typeof identity === 'object' && 'bodyField' in identity)
    fields.push(`"${identity.bodyField}": "evt_${ref}"`);
  if (bodyTimestamp !== undefined) {
    const milliseconds = time.getTime();
    const value = bodyTimestamp.unit === 'ms' ? milliseconds : Math.floor(milliseconds / 1000);
    fields.push(`"${bodyTimestamp.field}": ${value}`);
  }
  return `{ ${fields.join(',  ')} }`;
}

function formOf(ref: string): string {
  return `ref=${ref}&MessageSid=SM_${ref}&Body=%C3%BCber+zwei%20Zeilen%0A`;
}
