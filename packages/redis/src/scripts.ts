import { createHash } from 'node:crypto';

/** A script and the hash by which the server knows it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

// A record is one string. "C": committed. "token|owner|keep": claimed, or released if the owner is empty. `keep` is how long the
// record outlives its lease, in milliseconds. So the key's remaining time to live, less `keep`, is what remains of the lease. A
// Redis that is full refuses SET but not GET, PEXPIRE and DEL: scripts use those if they are enough.

/** The record that the script `claim` writes for a key without one. */
export function firstClaim(owner: string, keep: string): string {
  return `1|${owner}|${keep}`;
}

/**
 * ARGV: owner, keep, lease and keep together. Returns 0 and the fencing token, 1 and the rest of the lease, or 2 for a committed
 * delivery. If a client sends a claim twice because it lost the reply, both replies are the same.
 */
export const claim = script(`
local tail = '|' .. ARGV[1] .. '|' .. ARGV[2]
local record = redis.call('GET', KEYS[1])
if not record then
  redis.call('SET', KEYS[1], '1' .. tail, 'PX', ARGV[3])
  return {0, 1}
end
if record == 'C' then return {2, 0} end
local token, owner, keep = string.match(record, '^(%d+)|([^|]*)|(%d+)$')
if not token then
  return redis.error_reply('COUNTERSIGN the key is not a replay record')
end
-- The server keeps a key through its last millisecond, so a lease lasts through its own.
local left = redis.call('PTTL', KEYS[1]) - keep
if owner ~= '' and left >= 0 then
  if owner == ARGV[1] then return {0, tonumber(token)} end
  return {1, math.max(left, 1)}
end
local next_token = string.format('%.0f', token + 1)
redis.call('SET', KEYS[1], next_token .. tail, 'PX', ARGV[3])
return {0, tonumber(next_token)}`);

// What only the holder of a claim may do. ARGV[1]: "token|owner|", with which its record begins.
const HOLD = `
local record = redis.call('GET', KEYS[1])
if not record or string.sub(record, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
local keep = string.sub(record, #ARGV[1] + 1)`;
const IS_FULL = `local function is_full(reply)
  return type(reply) == 'table' and reply.err and string.find(reply.err, 'OOM', 1, true)
end`;

/** ARGV: holder, lease. */
export const renew = script(`${HOLD}
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + keep))
return 1`);

/**
 * ARGV: holder, ttl. If Redis is full, the record can't say "committed". Then the claim holds for as long as the commit would, so that
 * no other instance runs the delivery, and the caller gets the error and tries again.
 */
export const commit = script(`${IS_FULL}
${HOLD}
local reply = redis.pcall('SET', KEYS[1], 'C', 'PX', ARGV[2])
if is_full(reply) then redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + keep)) end
if type(reply) == 'table' and reply.err then return reply end
return 1`);

/** ARGV: holder, fencing token. If Redis is full, the lease just ends. */
export const release = script(`${IS_FULL}
${HOLD}
local reply = redis.pcall('SET', KEYS[1], ARGV[2] .. '||' .. keep, 'PX', keep)
if is_full(reply) then return redis.call('PEXPIRE', KEYS[1], string.format('%.0f', keep - 1)) end
if type(reply) == 'table' and reply.err then return reply end
return 1`);

/** Removes the record of a committed delivery, and no other. */
export const forget = script(`
if redis.call('GET', KEYS[1]) ~= 'C' then return 0 end
return redis.call('DEL', KEYS[1])`);

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
