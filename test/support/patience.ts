// Waiting ends when what is waited for has come. The limit only ends what hangs, so it is far above what a busy machine needs:
// the second that vitest grants by default is not.
import { vi } from 'vitest';

const LIMIT_MS = 60_000;
const { waitFor, waitUntil } = vi;

vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));

function patient(options: Parameters<typeof waitFor>[1]) {
  return typeof options === 'number' ? options : { timeout: LIMIT_MS, ...options };
}
