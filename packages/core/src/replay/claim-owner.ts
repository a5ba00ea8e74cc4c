import { randomBytes } from 'node:crypto';

const OWNER_BYTES = 16;
// One call for random bytes costs as much as a small MAC, whether it gives 16 of them or a few thousand.
const POOL_BYTES = 256 * OWNER_BYTES;

let pool: Buffer = Buffer.alloc(0);
let used = 0;

/**
 * Who holds a claim: 128 random bits as text, given once. For writers of replay stores.
 *
 * @example
 * ```ts
 * const token: ClaimToken = { fencing token: 1, owner: claimOwner() }
 * ```
 */
export function claimOwner(): string {
  if (used === pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  const owner = pool.toString('base64url', used, used + OWNER_BYTES);
  used += OWNER_BYTES;
  return owner;
}
