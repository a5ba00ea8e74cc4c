export * from './fault-proxy/index.ts';
export * from './sender/index.ts';
export * from './endpoints/index.ts';
