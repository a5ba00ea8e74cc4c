export type { CutKind, Direction, Fault } from './fault.ts';
export { type FaultProxy, type FaultProxyOptions, type FaultProxyStats, faultProxy } from './fault-proxy.ts';
