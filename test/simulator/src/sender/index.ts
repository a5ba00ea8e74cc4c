export type { AttemptEvent, CapturedRequest, EventRecord, SenderStats } from './delivery-queue.ts';
export { FORGERIES, type ForgedRequest, type Forgery, forge, sendForged } from './forge.ts';
export type { ApiFaults, ApiOperation } from './management-api.ts';
export type { AttemptAnswer } from './post.ts';
export { type RotationAnswer, rotateThroughApi } from './rotate-through-api.ts';
export {
  type AnySimulatedSender,
  type CommonSenderOptions,
  type InPlaceVendorOptions,
  type SimulatedSender,
  type SimulateSenderOptions,
  simulateSender,
} from './sender.ts';
export type { GraceSigns } from './signing-secrets.ts';
export {
  type DeliveryPolicy,
  type InPlaceVendorName,
  type RotationKind,
  type SenderCredentials,
  sequenceOf,
  type VendorAccount,
  type VendorEvent,
  type VendorName,
} from './vendor-account.ts';
export type { AdaOptions } from './vendors/ada.ts';
export type { AgentMessageOptions } from './vendors/agent-message.ts';
export type { AnchorBrowserOptions } from './vendors/anchor-browser.ts';
