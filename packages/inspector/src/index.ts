export { type Inspector, type InspectorOptions, inspector } from './inspector.ts';
export type { NodeListener } from './node-listener.ts';
export { type DeliveryRecord, readRecord } from './record.ts';
