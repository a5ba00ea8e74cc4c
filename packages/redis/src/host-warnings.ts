export const queueWarning =
  'The Redis client of the replay store keeps commands while it has no connection, and sends them when nobody waits for them any ' +
  'more. Turn that off: enableOfflineQueue: false (ioredis, iovalkey), disableOfflineQueue: true (redis).';

const warned = new Set<string>();

/** Once for each process, however many stores it has. */
export function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  process.emitWarning(message, { code: 'COUNTERSIGN_REDIS' });
}

/** @param info What `INFO memory` answered. */
export function warnOfEviction(info: unknown, warn: (message: string) => void): void {
  const policy = /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  warn(
    `Redis may evict replay records when its memory is full (maxmemory-policy ${policy}), and an evicted delivery can run twice. ` +
      'Use a Redis with maxmemory-policy noeviction for the replay store.',
  );
}
