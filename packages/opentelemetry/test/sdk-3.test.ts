import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { bundleScript } from '../../../test/support/bundled-script.ts';
import { modernNode } from '../../../test/support/servers/modern-node.ts';
import { npmPackages } from '../../../test/support/servers/npm-binary.ts';

const run = promisify(execFile);

// SDK 3 needs Node.js 22.15 and a newer API than SDK 2, so it can't be a dependency here.
const node = await modernNode('22.23.5');

describe.skipIf(node === undefined)('under SDK 3 of OpenTelemetry, on Node.js 22', () => {
  it('metrics, gauges and spans arrive as under SDK 2', async () => {
    const home = await npmPackages('opentelemetry-sdk-3.1.1', {
      '@opentelemetry/api': '1.10.0',
      '@opentelemetry/context-async-hooks': '3.1.1',
      '@opentelemetry/sdk-metrics': '3.1.1',
      '@opentelemetry/sdk-trace': '3.1.1',
    });
    const script = await bundleScript(new URL('support/sdk-3-receiver.ts', import.meta.url), home);
    let output: string;
    try {
      ({ stdout: output } = await run(node ?? '', ['--unhandled-rejections=strict', script.path]));
    } finally {
      await script.remove();
    }
    const { versions, points, spans } = JSON.parse(output) as Received;
    expect(versions).toMatchObject({ metrics: '3.1.1', trace: '3.1.1' });
    expect(Number(/^v(\d+)/.exec(versions.node ?? '')?.[1])).toBeGreaterThanOrEqual(22);

    const orders = { endpoint: 'orders', scheme: 'standard-webhooks' };
    const counted = points.filter(({ name }) => name === 'countersign.deliveries');
    expect(counted.map(({ attributes, value }) => ({ ...attributes, value }))).toEqual([
      { ...orders, outcome: 'handled', 'key.role': 'current', value: 1 },
      { ...orders, outcome: 'duplicate', 'key.role': 'current', value: 1 },
      { ...orders, outcome: 'refused', code: 'ERR_WEBHOOK_SIGNATURE_MISMATCH', value: 1 },
    ]);
    expect([...new Set(points.map(({ name }) => name))].sort()).toEqual([
      'countersign.deliveries',
      'countersign.handler.duration',
      'countersign.key.last_match',
      'countersign.pending_bytes',
      'countersign.secrets.age',
      'countersign.verify.duration',
    ]);
    expect(spans.map(({ name }) => name).sort()).toEqual([
      ...[
        'insert order',
        'process orders',
        'process orders',
        'verify orders',
        'verify orders',
        'verify orders',
      ],
    ]);
    const nested = spans.find(({ name }) => name === 'insert order');
    expect(spans.find(({ id }) => id === nested?.parent)?.name).toBe('process orders');
  });
});

interface Received {
  readonly versions: Readonly<Record<string, string>>;
  readonly points: readonly { readonly name: string; readonly attributes: object; readonly value: number }[];
  readonly spans: readonly { readonly name: string; readonly id: string; readonly parent?: string }[];
}
