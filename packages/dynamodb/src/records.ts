import { randomBytes } from 'node:crypto';
import type { ClaimToken } from '@countersign/core/extend';
import { type AttributeValue, type Item, namesIn, type UpdateInput } from './client.ts';

// One item for each delivery. Times are milliseconds, as numbers, by the clock of the instance; `expiresAt` is in seconds, for
// DynamoDB's own removal of expired items, which comes days late and is never relied on.
//   claimed:    owner, fencingToken, leaseUntil, keptUntil, fenceTtl, expiresAt
//   released:   the same without owner
//   committed:  keptUntil, expiresAt, call

/** The content of an item. */
export interface StoredRecord {
  readonly owner: string | undefined;
  readonly fencingToken: number;
  /** `undefined`: committed. */
  readonly leaseUntil: number | undefined;
  readonly keptUntil: number;
  /** The call that wrote it. */
  readonly call: string | undefined;
}

export function recordOf(item: unknown): StoredRecord | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  const { owner, fencingToken, leaseUntil, keptUntil, call } = item as Record<
    string,
    { S?: string; N?: string }
  >;
  return {
    owner: owner?.S,
    fencingToken: Number(fencingToken?.N ?? 0),
    leaseUntil: leaseUntil === undefined ? undefined : Number(leaseUntil.N),
    keptUntil: Number(keptUntil?.N ?? 0),
    call: call?.S,
  };
}

/** The item of a claim. */
export function claimedItem(
  key: Uint8Array,
  { owner, fencingToken }: ClaimToken,
  { leaseMs, fenceTtlMs }: { leaseMs: number; fenceTtlMs: number },
  now: number,
): Item {
  const leaseUntil = now + leaseMs;
  return {
    ...{ key: { B: key }, owner: { S: owner }, fencingToken: numeric(fencingToken) },
    ...{ leaseUntil: numeric(leaseUntil), keptUntil: numeric(leaseUntil + fenceTtlMs) },
    ...{ fenceTtl: numeric(fenceTtlMs), fenceTtlSeconds: numeric(seconds(fenceTtlMs)) },
    expiresAt: numeric(seconds(leaseUntil) + seconds(fenceTtlMs)),
  };
}

const MINE = '#owner = :owner AND #fencingToken = :fencingToken AND #keptUntil > :now';

/** @param table The item's table. */
export function renewal(
  table: string,
  key: Uint8Array,
  token: ClaimToken,
  leaseMs: number,
  now: number,
): UpdateInput {
  return update(
    table,
    key,
    'SET #leaseUntil = :until, #keptUntil = #fenceTtl + :until, #expiresAt = #fenceTtlSeconds + :seconds',
    MINE,
    { ...mine(token, now), ':until': numeric(now + leaseMs), ':seconds': numeric(seconds(now + leaseMs)) },
  );
}

export function release(table: string, key: Uint8Array, token: ClaimToken, now: number): UpdateInput {
  return update(
    table,
    key,
    'SET #leaseUntil = :now, #keptUntil = #fenceTtl + :now, #expiresAt = #fenceTtlSeconds + :seconds, #call = :call REMOVE #owner',
    MINE,
    { ...mine(token, now), ':seconds': numeric(seconds(now)), ':call': { S: newCall() } },
  );
}

export function commit(
  table: string,
  key: Uint8Array,
  token: ClaimToken,
  ttlMs: number,
  now: number,
): UpdateInput {
  return update(
    table,
    key,
    'SET #keptUntil = :until, #expiresAt = :seconds, #call = :call REMOVE #owner, #fencingToken, #leaseUntil, #fenceTtl, #fenceTtlSeconds',
    MINE,
    {
      ...mine(token, now),
      ...{
        ':until': numeric(now + ttlMs),
        ':seconds': numeric(seconds(now + ttlMs)),
        ':call': { S: newCall() },
      },
    },
  );
}

/** A condition of the store, as part of the input of a call. */
export function condition(
  expression: string,
  values: Item,
): {
  ConditionExpression: string;
  ExpressionAttributeNames: Record<string, string>;
  ExpressionAttributeValues: Item;
} {
  return {
    ConditionExpression: expression,
    ExpressionAttributeNames: namesIn(expression),
    ExpressionAttributeValues: values,
  };
}

function update(
  table: string,
  key: Uint8Array,
  expression: string,
  condition: string,
  values: Item,
): UpdateInput {
  return {
    TableName: table,
    Key: { key: { B: key } },
    UpdateExpression: expression,
    ConditionExpression: condition,
    ExpressionAttributeNames: namesIn(expression, condition),
    ExpressionAttributeValues: values,
  };
}

function mine({ owner, fencingToken }: ClaimToken, now: number): Item {
  return { ':owner': { S: owner }, ':fencingToken': numeric(fencingToken), ':now': numeric(now) };
}

/** If a response was lost, the SDK sends the call again. By this mark, the second call recognizes the work of the first. */
function newCall(): string {
  return randomBytes(9).toString('base64url');
}

/** Rounded up, so that nothing is forgotten too early. */
function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000);
}

export function numeric(value: number): AttributeValue {
  // Whole numbers, because sums of fractions are not exact.
  return { N: String(Math.ceil(value)) };
}
