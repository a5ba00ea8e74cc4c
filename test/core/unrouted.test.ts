import type { UnroutedEvent, WebhookEvent } from '@countersign/core';
import { webhookHandler } from '@countersign/fetch';
import { afterEach, expect, test, vi } from 'vitest';

// An unknown tenant: the function that picks a verifier returns none, so no verifier's observer can see the request.

afterEach(() => vi.restoreAllMocks());

const request = () => new Request('https://example.com/hooks/nobody', { method: 'POST', body: '{}' });

test.each([
  ['undefined', () => undefined],
  ['a promise of undefined', async () => undefined],
])('a function that returns %s: 401, observed, no warning', async (_, pick) => {
  const warn = vi.spyOn(process, 'emitWarning');
  const events: UnroutedEvent[] = [];
  const observe = (event: UnroutedEvent) => {
    events.push(event);
  };
  const receive = webhookHandler(pick, () => 204, { observe });
  expect((await receive(request())).status).toBe(401);
  expect(events).toEqual([
    {
      type: 'unrouted',
      code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH',
      status: 401,
      message: expect.stringContaining('webhookHandler() returned none'),
    },
  ]);
  expect(warn).not.toHaveBeenCalled();
});

test('without an observer the process warns once', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const receive = webhookHandler(
    () => undefined,
    () => 204,
  );
  for (let n = 0; n < 3; n++) expect((await receive(request())).status).toBe(401);
  expect(warn).toHaveBeenCalledTimes(1);
});

test('the observer of a verifier fits, and what it throws is dropped', async () => {
  const observe = (_: WebhookEvent) => {
    throw new Error('the observer is broken');
  };
  const receive = webhookHandler(
    () => undefined,
    () => 204,
    { observe },
  );
  expect((await receive(request())).status).toBe(401);
});
