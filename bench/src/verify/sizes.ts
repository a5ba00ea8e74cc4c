/** From a ping to the largest event that is common. */
export const SIZES = [
  { name: '200 B', bytes: 200 },
  { name: '1 KiB', bytes: 1024 },
  { name: '8 KiB', bytes: 8 * 1024 },
  { name: '64 KiB', bytes: 64 * 1024 },
  { name: '1 MiB', bytes: 1024 * 1024 },
] as const;
