import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { ReceivedWebhook } from '@countersign/core';
import { expect, it } from 'vitest';
import { isReceivedFor, keepReceived, receivedWebhook } from '../src/received-webhooks.ts';
import type { WebhookTarget } from '../src/webhook-target.ts';

const webhook = { id: 'evt_1' } as ReceivedWebhook;
const target = { name: 'anchor' } as unknown as WebhookTarget;
const verified = () => {
  const incoming = new IncomingMessage(new Socket());
  keepReceived(incoming, target, webhook);
  return incoming;
};

it('a request is verified for one target', () => {
  const incoming = verified();
  expect(receivedWebhook(incoming)).toBe(webhook);
  expect(isReceivedFor(incoming, target)).toBe(true);
  expect(isReceivedFor(incoming, { ...target })).toBe(false);
});

it('a request that other code gave the properties of a verified one is not verified', () => {
  const copy = Object.assign(new IncomingMessage(new Socket()), verified());
  const [property] = Object.getOwnPropertySymbols(verified()).filter((symbol) => symbol in copy);
  expect(property).toBeDefined();
  expect(receivedWebhook(copy)).toBeUndefined();
  expect(isReceivedFor(copy, target)).toBe(false);
});

it('what other code puts in its place is not a verification', () => {
  const incoming = verified();
  for (const symbol of Object.getOwnPropertySymbols(incoming)) {
    const own = (incoming as unknown as Record<symbol, unknown>)[symbol];
    if (typeof own !== 'object' || own === null || !('webhook' in own)) continue;
    (incoming as unknown as Record<symbol, unknown>)[symbol] = { incoming, target, webhook };
  }
  expect(receivedWebhook(incoming)).toBeUndefined();
});
