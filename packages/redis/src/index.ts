export type { RedisClient, SendCommand } from './client.ts';
export { type RedisReplayStoreOptions, redisReplayStore } from './redis-replay-store.ts';
