// The only place of the storm that knows where the simulated vendors come from.
export {
  FORGERIES,
  type Forgery,
  forge,
  rotateThroughApi,
  type SimulatedSender,
  type SimulateSenderOptions,
  sequenceOf,
  simulateSender,
  type VendorEvent,
  type VendorName,
} from '@countersign-internal/simulator';
