import type { SecretSetInput } from '@countersign/core';
import { type Fetch, type RotationVendor, vendors } from '@countersign/rotation';
import { type ManualClock, manualClock } from '@countersign/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { runRotation } from './support/run.ts';

const OLD = Buffer.alloc(32, 'old').toString('base64');
const START = Date.UTC(2030, 0, 1);
const UUID = '0190a1b2-c3d4-4e5f-86a7-b8c9d0e1f2a3';
const NEW = Buffer.alloc(32, 'new').toString('base64');

let clock: ManualClock;

beforeEach(() => {
  clock = manualClock(START);
});

interface Sent {
  readonly method: string | undefined;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

/** Answers every call with `answer`, and keeps what was sent. */
function recorder(answer: unknown): { fetch: Fetch; sent: Sent[] } {
  const sent: Sent[] = [];
  return {
    sent,
    fetch: async (url, { method, headers, body }) => {
      sent.push({
        method,
        url,
        headers: headers as Record<string, string>,
        body: typeof body === 'string' ? body : undefined,
      });
      return Response.json(answer);
    },
  };
}

describe('the call on the wire is the documented one:', () => {
  const json = { 'Content-Type': 'application/json' };
  const CASES: [string, (fetch: Fetch) => RotationVendor, Omit<Sent, 'method'>][] = [
    [
      'LangSmith',
      (fetch) =>
        vendors.langsmith({ sessionId: UUID, webhookId: UUID, apiKey: 'lsv2', tenantId: 'team', fetch }),
      {
        url: `https://api.smith.langchain.com/v1/platform/sessions/${UUID}/issues-agent/webhooks/${UUID}/roll-secret`,
        headers: { 'X-API-Key': 'lsv2', 'X-Tenant-Id': 'team' },
        body: undefined,
      },
    ],
    [
      'AgentMessage, an endpoint',
      (fetch) => vendors.agentMessage({ rotates: 'endpoint', webhookId: UUID, apiKey: 'am_live', fetch }),
      {
        url: `https://api.agentmsg.io/v1/webhooks/${UUID}/rotate-secret`,
        headers: { Authorization: 'Bearer am_live' },
        body: undefined,
      },
    ],
    [
      'AgentMessage, the organization',
      (fetch) => vendors.agentMessage({ rotates: 'organization', apiKey: 'am_live', fetch }),
      {
        url: 'https://api.agentmsg.io/v1/webhook-secret/rotate',
        headers: { Authorization: 'Bearer am_live' },
        body: undefined,
      },
    ],
    [
      'PolyAI',
      (fetch) => vendors.polyai({ endpointId: 'whe_9Zt', apiKey: 'poly', region: 'uk', fetch }),
      {
        url: 'https://api.uk.poly.ai/v1/webhook-endpoints/whe_9Zt/rotate-secret',
        headers: { 'x-api-key': 'poly' },
        body: undefined,
      },
    ],
    [
      'Ada, generated',
      (fetch) =>
        vendors.ada({
          baseUrl: 'https://example.ada.support',
          webhookId: 'ep_1',
          token: 'ada',
          key: 'generated',
          fetch,
        }),
      {
        url: 'https://example.ada.support/api/v2/webhooks/ep_1/secret/rotate/',
        headers: { Authorization: 'Bearer ada', ...json },
        body: '{}',
      },
    ],
    [
      'Ada, custom',
      (fetch) =>
        vendors.ada({ baseUrl: 'https://example.ada.support', webhookId: 'ep_1', token: 'ada', fetch }),
      {
        url: 'https://example.ada.support/api/v2/webhooks/ep_1/secret/rotate/',
        headers: { Authorization: 'Bearer ada', ...json },
        body: '{"key":"whsec_made-before"}',
      },
    ],
    [
      'Anchor Browser',
      (fetch) => vendors.anchorBrowser({ webhookId: 'wh_01HX', apiKey: 'anchor', fetch }),
      {
        url: 'https://api.anchorbrowser.io/v1/webhooks/wh_01HX/rotate-secret',
        headers: { 'anchor-api-key': 'anchor' },
        body: undefined,
      },
    ],
  ];

  it.each(CASES)('%s', async (name, make, expected) => {
    const { fetch, sent } = recorder({});
    const { signal } = new AbortController();
    await make(fetch).rotate({ signal, ...(name === 'Ada, custom' ? { key: 'whsec_made-before' } : {}) });
    const { headers } = expected;
    expect(sent).toEqual([
      { method: 'POST', ...expected, headers: { Accept: 'application/json', ...headers } },
    ]);
  });

  it('Ada, whose secret is read', async () => {
    const { fetch, sent } = recorder({ key: 'whsec_shown' });
    const vendor = vendors.ada({
      baseUrl: 'https://example.ada.support',
      webhookId: 'ep_1',
      token: 'ada',
      fetch,
    });
    expect(await vendor.readSecret?.({ signal: new AbortController().signal })).toBe('whsec_shown');
    expect(sent).toMatchObject([
      { method: 'GET', url: 'https://example.ada.support/api/v2/webhooks/ep_1/secret/', body: undefined },
    ]);
  });
});

describe('the old secret in the response', () => {
  const endAfter = async (previous_valid_until: unknown) => {
    const { fetch } = recorder({
      webhook_secret: NEW,
      rotated_at: '2030-01-01T00:00:00Z',
      previous_valid_until,
    });
    const { report, error } = await runRotation(clock, OLD, {
      vendor: vendors.agentMessage({ rotates: 'organization', apiKey: 'am_live', fetch }),
    });
    if (report?.outcome !== 'rotated') throw error;
    return ((report.previous?.notAfter.getTime() ?? 0) - START) / 1000;
  };

  it.each([
    ['2030-01-01T00:20:00Z', 1200 + 300],
    ['2030-01-01T00:01:30.500Z', 90.5 + 300],
  ])('counts: %s', async (until, seconds) => {
    expect(await endAfter(until)).toBe(seconds);
  });

  it.each([
    undefined,
    '',
    'soon',
    17,
    '+275760-09-13T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '2029-12-31T23:59:00Z',
  ])('is as documented if the response contains no valid value: %s', async (until) => {
    expect(await endAfter(until)).toBe(60 + 300 + 300);
  });
});

describe('a test delivery of AgentMessage', () => {
  const OUTCOMES: [object, number | string][] = [
    [{ outcome: 'success', response_status: 204 }, 'passed'],
    [{ outcome: 'retry', response_status: 503 }, 503],
    [{ outcome: 'dead', response_status: 401 }, 401],
    [{ outcome: 'dead', error: 'timeout' }, 'no response'],
  ];

  it.each(OUTCOMES)('that came to %j', async (outcome, expected) => {
    const { fetch, sent } = recorder({ secret: NEW, ...outcome });
    const { report, error, target } = await runRotation(clock, OLD, {
      vendor: vendors.agentMessage({ rotates: 'endpoint', webhookId: UUID, apiKey: 'am_live', fetch }),
    });
    expect(sent[1]).toMatchObject({
      method: 'POST',
      url: `https://api.agentmsg.io/v1/webhooks/${UUID}/test`,
    });
    expect((target.set as SecretSetInput).current).toBe(NEW);
    if (expected === 'passed')
      expect(report?.check).toEqual({ state: 'passed', message: 'A test delivery was accepted.' });
    else {
      expect(error).toMatchObject({
        code: 'ERR_ROTATION_CHECK_FAILED',
        secretState: 'changed-and-stored',
        message: expect.stringContaining(String(expected)),
      });
    }
  });
});
