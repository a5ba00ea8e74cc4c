import { pageOfCode } from '@countersign/core/extend';

export const queueWarning =
  'The Redis client of the replay store queues commands while it is disconnected and sends them after they have timed out. Turn this ' +
  'off: enableOfflineQueue: false (ioredis, iovalkey), disableOfflineQueue: true (redis; for a cluster in "defaults").';

const warned = new Set<string>();

/** Warns once per process, however many stores it has. */
export function warnOnce(message: string): void {
  if (warned.has(message)) return;
  warned.add(message);
  const code = 'COUNTERSIGN_REDIS';
  process.emitWarning(message, { code, detail: `See ${pageOfCode(code)}` });
}

/** @param info The reply to `INFO memory`. */
export function warnOfEviction(info: unknown, warn: (message: string) => void): void {
  const policy = /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  warn(
    `Redis may evict replay records when its memory is full (maxmemory-policy ${policy}), and an evicted delivery can run twice. ` +
      'Use a Redis with maxmemory-policy noeviction for the replay store.',
  );
}
