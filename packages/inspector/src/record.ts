import type { Delivery } from './delivery.ts';
import { detailOf } from './views.ts';

/**
 * One line of a record: what `countersign listen --record FILE` appends for each delivery, when it is over. A record is NDJSON: one JSON
 * object a line, in UTF-8. Secrets are removed: a header or a body that contained one can't be verified from the record.
 */
export interface DeliveryRecord {
  /** The version of this format. */
  readonly countersign: 1;
  /** When the first bytes arrived: ISO 8601, UTC. */
  readonly receivedAt: string;
  readonly method: string;
  /** The request target as received: path and query. */
  readonly url: string;
  readonly httpVersion: string;
  /** Name, value, name, value, … in the order and the case in which they arrived. */
  readonly rawHeaders: readonly string[];
  /** The bytes of the body as base64, without transfer encoding. Missing if the body was larger than what is kept. */
  readonly body?: string;
  /** The sender as `countersign senders` lists it, or the name of your endpoint. */
  readonly sender: string;
  /** The URL that the sender was given, if it was known. */
  readonly publicUrl?: string;
  readonly verdict: {
    readonly state: 'accepted' | 'refused' | 'handshake' | 'unchecked' | 'pending';
    readonly code?: string;
    readonly message?: string;
    readonly key?: { readonly id: string; readonly role: 'current' | 'previous' | 'next' };
    readonly deliveryId?: string;
    readonly type?: string;
  };
  /** What the target responded. Missing if it did not. */
  readonly response?: {
    readonly status: number;
    readonly statusMessage?: string;
    readonly rawHeaders?: readonly string[];
    /** The bytes of the body as base64: the first 1,048,576 of them. */
    readonly body?: string;
    /** How many bytes the body had, if that is more than `body` contains. */
    readonly bodyBytes?: number;
  };
  /** Why there is no response: "The target is down …". */
  readonly failure?: string;
  readonly durationMs: number;
}

/** The line of one delivery, with its line break. */
export function recordLine(delivery: Delivery): string {
  const { endpoint, body, head } = delivery;
  const detail = detailOf(delivery);
  const { causes: _, ...verdict } = detail.verdict;
  const publicUrl = endpoint.publicUrl(head.url);
  const record: DeliveryRecord = {
    countersign: 1,
    receivedAt: detail.receivedAt,
    method: detail.method,
    url: detail.url,
    httpVersion: detail.httpVersion ?? '1.1',
    rawHeaders: detail.rawHeaders,
    ...(body === undefined ? {} : { body: endpoint.redactor.bytes(body).toString('base64') }),
    sender: endpoint.name,
    ...(publicUrl === undefined ? {} : { publicUrl: endpoint.redactor.text(publicUrl) }),
    verdict: verdict as DeliveryRecord['verdict'],
    ...(detail.response === undefined ? {} : { response: detail.response }),
    ...(detail.failure === undefined ? {} : { failure: detail.failure }),
    durationMs: detail.durationMs,
  };
  return `${JSON.stringify(record)}\n`;
}

/**
 * Reads one line of a record.
 *
 * @returns The delivery, and its body as bytes; `undefined` if the line is not of a record.
 * @example
 * ```ts
 * const recorded = readRecord(line)
 * if (recorded?.bytes !== undefined)
 *   await explain({ scheme, secrets, request: { ...recorded, headers: recorded.rawHeaders, body: recorded.bytes }, receivedAt: recorded.received })
 * ```
 */
export function readRecord(
  line: string,
): (DeliveryRecord & { readonly bytes: Buffer | undefined; readonly received: Date }) | undefined {
  let record: Partial<DeliveryRecord> | null;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (record === null || typeof record !== 'object' || record.countersign !== 1) return undefined;
  const { rawHeaders, method, url, receivedAt, body } = record;
  const received = new Date(String(receivedAt));
  const isWhole =
    Array.isArray(rawHeaders) &&
    rawHeaders.every((each) => typeof each === 'string') &&
    typeof method === 'string' &&
    typeof url === 'string' &&
    !Number.isNaN(received.getTime());
  if (!isWhole) return undefined;
  const bytes = typeof body === 'string' ? Buffer.from(body, 'base64') : undefined;
  return { ...(record as DeliveryRecord), bytes, received };
}
