import { createHash } from 'node:crypto';

/** A script and the hash by which the server knows it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

// A record is one string. "C": committed. "fence|owner|keep": claimed, or released where there is no owner. How long it is kept
// beyond its lease is `keep`, in milliseconds: so what the server still gives the key, less `keep`, is what is left of the lease.

/**
 * ARGV: owner, keep, lease and keep together. Gives 0 and the fence, 1 and what is left of the lease, or 2 for a committed delivery.
 * A claim that a client has sent twice, because it lost the answer, is given twice.
 */
export const claim = script(`
local tail = '|' .. ARGV[1] .. '|' .. ARGV[2]
if redis.call('SET', KEYS[1], '1' .. tail, 'NX', 'PX', ARGV[3]) then return {0, 1} end
local record = redis.call('GET', KEYS[1])
if record == 'C' then return {2, 0} end
local fence, owner, keep = string.match(record, '^(%d+)|([^|]*)|(%d+)$')
if not fence then
  return redis.error_reply('COUNTERSIGN the key holds something that is no replay record')
end
-- The server keeps a key through its last millisecond, so a lease lasts through its own.
local left = redis.call('PTTL', KEYS[1]) - keep
if owner ~= '' and left >= 0 then
  if owner == ARGV[1] then return {0, tonumber(fence)} end
  return {1, math.max(left, 1)}
end
local next_fence = string.format('%.0f', fence + 1)
redis.call('SET', KEYS[1], next_fence .. tail, 'PX', ARGV[3])
return {0, tonumber(next_fence)}`);

// What only the holder of a claim may do. ARGV[1]: "fence|owner|", which its record begins with.
const HOLD = `
local record = redis.call('GET', KEYS[1])
if not record or string.sub(record, 1, #ARGV[1]) ~= ARGV[1] then return 0 end`;
const KEEP = `local keep = string.sub(record, #ARGV[1] + 1)`;

/** ARGV: token, lease. */
export const renew = script(`${HOLD}
${KEEP}
redis.call('SET', KEYS[1], record, 'PX', string.format('%.0f', ARGV[2] + keep))
return 1`);

/** ARGV: token, ttl. */
export const commit = script(`${HOLD}
redis.call('SET', KEYS[1], 'C', 'PX', ARGV[2])
return 1`);

/** ARGV: token, fence. */
export const release = script(`${HOLD}
${KEEP}
redis.call('SET', KEYS[1], ARGV[2] .. '||' .. keep, 'PX', keep)
return 1`);

/** Removes the record of a committed delivery, and no other. */
export const forget = script(`
if redis.call('GET', KEYS[1]) ~= 'C' then return 0 end
return redis.call('DEL', KEYS[1])`);

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
