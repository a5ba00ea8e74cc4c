import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isWebhookError, WebhookError } from '../src/webhook-error.ts';

const frames = (error: Error) => (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line)).length;

describe('WebhookError', () => {
  it('has no stack trace if a request is at fault, and one if the receiver is', () => {
    expect(frames(new WebhookError('ERR_WEBHOOK_SIGNATURE_MISMATCH', 'No key.'))).toBe(0);
    expect(frames(new WebhookError('ERR_WEBHOOK_HEADER_INVALID', 'Repeated.', { status: 503 }))).toBe(0);
    expect(frames(new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', 'Wrong.'))).toBeGreaterThan(0);
    expect(frames(new WebhookError('ERR_WEBHOOK_BODY_CONSUMED', 'Mounted first.'))).toBeGreaterThan(0);
  });

  it('leaves the stack traces of other errors as they are', () => {
    const limit = Error.stackTraceLimit;
    const cause = new Error('why');
    const error = new WebhookError('ERR_WEBHOOK_NOT_READY', 'Not yet.', { cause });
    expect(Error.stackTraceLimit).toBe(limit);
    expect(frames(cause)).toBeGreaterThan(0);
    expect(frames(new Error('later'))).toBeGreaterThan(0);
    expect(error.cause).toBe(cause);
  });

  it('is made if the runtime allows no change of the limit', () => {
    const own = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') ?? {};
    Object.defineProperty(Error, 'stackTraceLimit', { ...own, writable: false });
    try {
      expect(new WebhookError('ERR_WEBHOOK_SIGNATURE_MISMATCH', 'No key.').status).toBe(401);
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', own);
    }
  });

  it('is made if another library watches the limit', () => {
    const own = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') ?? {};
    const set = () => {
      throw new Error('watched');
    };
    Object.defineProperty(Error, 'stackTraceLimit', { get: () => 10, set, configurable: true });
    try {
      expect(new WebhookError('ERR_WEBHOOK_SIGNATURE_MISMATCH', 'No key.').status).toBe(401);
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', own);
    }
  });

  it('names itself, its code and its message', () => {
    const error = new WebhookError('ERR_WEBHOOK_IN_PROGRESS', 'At this moment.', { retryAfterSeconds: 3 });
    expect(`${error}`).toBe('WebhookError: At this moment.');
    expect(error.stack).toBe('WebhookError: At this moment.');
    expect(inspect(error)).toContain('ERR_WEBHOOK_IN_PROGRESS');
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'WebhookError',
      code: 'ERR_WEBHOOK_IN_PROGRESS',
      status: 503,
      message: 'At this moment.',
    });
    expect(isWebhookError(error)).toBe(true);
    expect(isWebhookError(Object.assign(new Error('At this moment.'), { code: error.code }))).toBe(false);
  });
});
