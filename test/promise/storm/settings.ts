/** What the verifiers of all receivers are set to: short, so that what lapses does so within a run. */
export const LEASE_SECONDS = 2;
export const HANDLER_TIMEOUT_SECONDS = 5;
export const LEASE_MS = LEASE_SECONDS * 1000;
export const HANDLER_TIMEOUT_MS = HANDLER_TIMEOUT_SECONDS * 1000;

/** How far the clocks of some receivers are off. */
export const SKEW_MS = 4 * 60_000;

/** One receiver process each. */
export const FRAMEWORKS = ['express 4', 'express 5', 'fastify', 'koa', 'nest', 'fetch'] as const;
export type Framework = (typeof FRAMEWORKS)[number];

/** A fault of version 0.1.0, built in again so that the storm can be tested. */
export type PutBack = 'P1' | 'P2';

/** Milliseconds of a clock that all processes of one machine share and that goes on while a process is stopped. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
