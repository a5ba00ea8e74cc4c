import type { Nest } from '../../../support/mounts/nest-majors.ts';

/** What the code of a page gets when it imports Nest. */
export function nestModules({ common, core, adapter }: Nest): Record<string, object> {
  return { '@nestjs/common': common, '@nestjs/core': core, '@countersign/nestjs': adapter };
}
