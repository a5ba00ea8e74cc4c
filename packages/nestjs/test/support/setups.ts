import { afterAll, beforeAll, describe } from 'vitest';
import type { NestPlatform } from '../../../../test/support/mounts/nest.ts';
import { loadNest, type Nest, type NestMajor } from '../../../../test/support/mounts/nest-majors.ts';

const SETUPS: [NestMajor, NestPlatform][] = [
  [10, 'express'],
  [10, 'fastify'],
  [11, 'express'],
  [11, 'fastify'],
  [12, 'express'],
  [12, 'fastify'],
];

export interface NestSetup {
  readonly major: NestMajor;
  readonly platform: NestPlatform;
  /** Loaded when the tests run, not when they are collected. */
  readonly nest: () => Nest;
}

/** Describes the same for each major of Nest, on both platforms. */
export function describeNest(
  define: (setup: NestSetup) => void,
  on: readonly NestPlatform[] = ['express', 'fastify'],
): void {
  const setups = SETUPS.filter(([, platform]) => on.includes(platform));
  describe.each(setups)('Nest %i on %s', (major, platform) => {
    let loaded: Awaited<ReturnType<typeof loadNest>> | undefined;
    beforeAll(async () => {
      loaded = await loadNest(major);
    });
    afterAll(() => loaded?.unload());
    const nest = () => {
      if (loaded === undefined) throw new Error('Nest is loaded when the tests run.');
      return loaded;
    };
    define({ major, platform, nest });
  });
}
