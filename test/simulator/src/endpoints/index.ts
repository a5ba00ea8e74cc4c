export { agentMessageEndpoints } from './agent-message.ts';
export type { EndpointState, EndpointVendor } from './endpoint-vendor.ts';
export {
  type CopiedEvent,
  type SimulateEndpointsOptions,
  type SimulatedEndpoints,
  simulateEndpoints,
} from './simulate-endpoints.ts';
export { resendWebhook } from './resend.ts';
export { stripeEndpoints } from './stripe.ts';
export { SVIX_APPLICATION, svixEndpoint } from './svix.ts';
