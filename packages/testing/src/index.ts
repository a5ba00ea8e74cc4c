export * from './adapter-cases/index.ts';
export * from './fault-proxy/index.ts';
export { type ManualClock, manualClock } from './manual-clock.ts';
export * from './replay-store-cases.ts';
export * from './secret-provider-cases.ts';
export * from './sender/index.ts';
export * from './sign.ts';
export { generateSigningKeys, type SigningKeys } from './signing/signing-key.ts';
