export { agentMessageEndpoints } from './agent-message.ts';
export type { EndpointState, EndpointVendor } from './endpoint-vendor.ts';
export { resendWebhook } from './resend.ts';
export {
  type CopiedEvent,
  type SimulatedEndpoints,
  type SimulateEndpointsOptions,
  simulateEndpoints,
} from './simulate-endpoints.ts';
export { stripeEndpoints } from './stripe.ts';
export { SVIX_APPLICATION, svixEndpoint } from './svix.ts';
