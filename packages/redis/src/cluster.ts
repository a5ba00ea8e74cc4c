const SLOTS = 16_384;
// The part of the slots that fails together if the client doesn't know their node: an eighth of them.
const RANGE = SLOTS / 8;

/** The slot map of a cluster client, in the shape of the library that it comes from. */
export type SlotMap = readonly unknown[];

/** The name of the node that keeps a key: "host:port", or a range of slots if the client doesn't know the node. */
export function nodeOf(slots: SlotMap | undefined, key: string): string {
  const slot = slotOf(key);
  const entry = slots?.[slot];
  // ioredis: the names of the nodes, the master first.
  if (Array.isArray(entry) && typeof entry[0] === 'string') return entry[0];
  // redis: an object for the master.
  const master = (entry as { master?: { address?: unknown } } | undefined)?.master;
  if (typeof master?.address === 'string') return master.address;
  const first = slot - (slot % RANGE);
  return `slots ${first}-${first + RANGE - 1}`;
}

/** The slot of a key, as every Redis Cluster computes it. https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */
function slotOf(key: string): number {
  return crc16(Buffer.from(hashTagOf(key))) % SLOTS;
}

/** Only what is between the first braces counts, if there is anything. */
function hashTagOf(key: string): string {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc;
}
