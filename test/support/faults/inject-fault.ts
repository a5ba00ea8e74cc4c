import { setTimeout as sleep } from 'node:timers/promises';
import type { Direction, FaultProxy } from '@countersign-internal/simulator';
import { expect, vi } from 'vitest';
import { PATIENCE } from './fixture.ts';

/** Ways for one message between a receiver and its store to go astray. */
export const STRIKES = ['reset', 'end', 'half-close', 'black-hole'] as const;

/** `requests`: before the request arrives. `replies`: after it was carried out, before the reply arrives. */
export const MOMENTS: readonly { readonly moment: string; readonly direction: Direction }[] = [
  { moment: 'on its way', direction: 'requests' },
  { moment: 'on the way back', direction: 'replies' },
];

/** How long the stores of these tests wait for a response. */
export const STORE_TIMEOUT_MS = 1000;

/**
 * What is said next in this direction gets lost. In a black hole everything does, for longer than a store waits for one response
 * and not for as long as it goes on trying; then the connections break.
 */
export function injectFault(proxy: FaultProxy, direction: Direction, how: (typeof STRIKES)[number]): void {
  if (how === 'black-hole') void swallow(proxy, direction);
  else proxy.fault(direction, { type: 'cut', how, once: true });
}

async function swallow(proxy: FaultProxy, direction: Direction): Promise<void> {
  const { swallowedBytes } = proxy.stats();
  proxy.fault(direction, { type: 'black-hole' });
  await vi.waitFor(() => {
    expect(proxy.stats().swallowedBytes[direction]).toBeGreaterThan(swallowedBytes[direction]);
  }, PATIENCE);
  await sleep(1.2 * STORE_TIMEOUT_MS);
  proxy.cut();
  await proxy.heal();
}
