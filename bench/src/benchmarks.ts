import type { Benchmark } from './report/report.ts';

/** Every benchmark by its name; loaded when it runs, so that an unknown name costs nothing. */
export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  verify: async () => (await import('./verify/index.ts')).verify,
  kinds: async () => (await import('./kinds/index.ts')).kinds,
  keys: async () => (await import('./keys/index.ts')).keys,
  http: async () => (await import('./http/index.ts')).http,
  flood: async () => (await import('./flood/index.ts')).flood,
  refusals: async () => (await import('./refusals/index.ts')).refusals,
  replay: async () => (await import('./replay/index.ts')).replay,
  stores: async () => (await import('./stores/index.ts')).stores,
  reload: async () => (await import('./reload/index.ts')).reload,
  tenants: async () => (await import('./tenants/index.ts')).tenants,
  rotation: async () => (await import('./rotation/index.ts')).rotation,
  recover: async () => (await import('./recover/index.ts')).recover,
  timing: async () => (await import('./timing/index.ts')).timing,
  observe: async () => (await import('./observe/index.ts')).observe,
  start: async () => (await import('./start/index.ts')).start,
};
