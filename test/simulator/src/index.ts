export * from './endpoints/index.ts';
export * from './fault-proxy/index.ts';
export * from './recoverable/index.ts';
export * from './sender/index.ts';
