import type { DefinedScheme, SignatureRule } from '@countersign/core';
import { objectIn, setField } from './json-body.ts';

/** Bodies of senders whose signature needs certain fields. `#` stands for the id of the delivery. */
const BODIES: Readonly<Record<string, string>> = {
  adyen:
    '{"live":"false","notificationItems":[{"NotificationRequestItem":{"additionalData":{},"amount":{"currency":"EUR","value":1000},"eventCode":"AUTHORISATION","merchantAccountCode":"TestMerchant","merchantReference":"#","pspReference":"#","success":"true"}}]}',
  braintree: 'bt_payload=#',
  'mailgun-routes': 'recipient=a%40example.com&subject=#',
  mandrill: 'mandrill_events=%5B%7B%22_id%22%3A%22#%22%7D%5D',
  'microsoft-graph': '{"value":[{"subscriptionId":"#"}]}',
  plivo: 'CallUUID=#&Duration=300',
  'plivo-v1': 'CallUUID=#&Duration=300',
  twilio: 'CallSid=#&From=%2B15551234567&To=%2B15557654321',
};

/** Senders that put everything into the query of a GET. */
export function methodOf({ name }: DefinedScheme): string {
  return name === 'vonage-sms' ? 'GET' : 'POST';
}

/** How the JSON of a body is written. */
export type JsonStyle = 'compact' | 'spaced';

/** Makes bodies of one sender, each with an id of its own. */
export class SampleBody {
  readonly #scheme: DefinedScheme;
  readonly #template: string | undefined;
  readonly #startedAt = Date.now();
  #earlier = 0;
  /** Whether the sender's bodies are forms. */
  readonly isForm: boolean;
  /** The style that the receiver accepts: one that writes the body anew accepts only its own. */
  style: JsonStyle = 'compact';

  constructor(scheme: DefinedScheme, rules: readonly SignatureRule[], template: string | undefined) {
    this.#scheme = scheme;
    this.#template = template;
    const sample = template ?? BODIES[scheme.name];
    this.isForm =
      rules.some(({ signature }) => 'formField' in signature && signature.formField !== undefined) ||
      (sample !== undefined && objectIn(Buffer.from(sample)) === undefined && /^[^\s{[]+=/.test(sample));
  }

  /** A body with this id. */
  make(id: string, more: Readonly<Record<string, unknown>> = {}): string {
    const text = this.#template ?? BODIES[this.#scheme.name];
    if (this.isForm) return formWith(text ?? '', id, text === this.#template);
    const json =
      text === undefined
        ? { id, type: 'countersign.check', data: { name: 'check', count: 1 } }
        : (objectIn(Buffer.from(text.replaceAll('#', id))) ?? {});
    this.#identify(json, id);
    Object.assign(json, more);
    return this.style === 'compact' ? JSON.stringify(json) : spaced(json);
  }

  /** The user's own body for this delivery, with an id of its own. */
  fill(text: string, id: string): string {
    if (this.isForm) return formWith(text, id, true);
    const json = objectIn(Buffer.from(text));
    if (json === undefined) return text;
    this.#identify(json, id, true);
    return this.style === 'compact' ? JSON.stringify(json) : spaced(json);
  }

  #identify(json: Record<string, unknown>, id: string, isOwn = this.#template !== undefined): void {
    const { identity, bodyTimestamp, eventType } = this.#scheme.definition;
    if (isOwn && typeof json.id === 'string') json.id = id;
    if (typeof identity === 'object') setField(json, identity.bodyField, id);
    else if (isOwn) json.countersign_check = id;
    if (!isOwn && eventType?.bodyField !== undefined && BODIES[this.#scheme.name] === undefined)
      setField(json, eventType.bodyField, 'countersign.check');
    if (bodyTimestamp?.field === undefined) return;
    // If the time is all that tells two deliveries apart, each needs another one.
    if (identity === 'content') this.#earlier += 1;
    const ms = identity === 'content' ? this.#startedAt - this.#earlier * 1000 : Date.now();
    setField(json, bodyTimestamp.field, timeText(bodyTimestamp.unit, ms));
  }
}

/** A time in milliseconds since the epoch, as a field of a body. */
export function timeText(unit: 's' | 'ms' | 'iso', ms: number): number | string {
  return unit === 's' ? Math.floor(ms / 1000) : unit === 'ms' ? Math.floor(ms) : new Date(ms).toISOString();
}

function formWith(text: string, id: string, isOwn: boolean): string {
  if (!isOwn && text !== '') return text.replaceAll('#', id);
  const form = new URLSearchParams(text);
  form.set('countersign_check', id);
  return form.toString();
}

/** JSON with a space behind each colon and comma, as Python writes it. */
export function spaced(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}: ${spaced(each)}`)
    .join(', ')}}`;
}
