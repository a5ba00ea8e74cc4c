import type { Clock } from '@countersign/core';
import { pause, whileAlive } from '../pause.ts';
import { aborted, causeOf } from './failures.ts';
import { readRetryAfter } from './rate-limit.ts';
import type { RecoverSettings } from './recover-options.ts';
import type { SignedRequest } from './recovery-vendor.ts';

/** What your receiver did with a delivery. */
export type Received =
  | { readonly state: 'accepted' }
  | { readonly state: 'refused'; readonly reason: string };

const ATTEMPTS = 5;
const DEFAULT_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Sends a delivery to your receiver. If it is busy, for example because a retry of the sender is being handled right now, it is
 * asked again.
 *
 * @param check Called before each attempt; throws if none may be made.
 */
export async function deliver(
  request: SignedRequest,
  settings: RecoverSettings,
  check: () => void,
  onWait: (message: string) => void,
): Promise<Received> {
  for (let attempt = 1; ; attempt++) {
    check();
    const answer = await attemptOnce(request, settings);
    if (settings.signal?.aborted === true) throw aborted();
    if (answer.status >= 200 && answer.status < 300) return { state: 'accepted' };
    const isTemporary = answer.status === 0 || answer.status === 429 || answer.status >= 500;
    if (!isTemporary || attempt === ATTEMPTS) {
      const what =
        answer.status === 0 ? `can't be reached (${answer.cause})` : `responds with ${answer.status}`;
      return { state: 'refused', reason: `Your receiver ${what}.` };
    }
    const waitMs = Math.min(answer.retryAfterMs ?? DEFAULT_PAUSE_MS * attempt, LONGEST_PAUSE_MS);
    onWait(`Your receiver is busy: it is asked again in ${(waitMs / 1000).toFixed(1)} s.`);
    if (!(await pause(settings.clock, waitMs, settings.signal))) throw aborted();
  }
}

interface Answer {
  /** 0 if there was none. */
  readonly status: number;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: string;
}

async function attemptOnce({ headers, body }: SignedRequest, settings: RecoverSettings): Promise<Answer> {
  const { to, clock } = settings;
  try {
    if (typeof to === 'function') {
      const { status, headers: given } = await whileAlive(
        to({ method: 'POST', url: '/', headers: { ...headers }, body: Buffer.from(body) }),
      );
      return { status, retryAfterMs: retryAfterOf(given, clock) };
    }
    return await post(String(to), { headers, body }, settings);
  } catch (error) {
    return { status: 0, cause: causeOf(error) ?? 'no response' };
  }
}

async function post(
  url: string,
  { headers, body }: SignedRequest,
  { clock, timeoutMs }: RecoverSettings,
): Promise<Answer> {
  const stop = new AbortController();
  const cancel = clock.schedule(() => stop.abort(), timeoutMs);
  try {
    const response = await whileAlive(
      fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: stop.signal }),
    );
    await response.body?.cancel();
    return {
      status: response.status,
      retryAfterMs: readRetryAfter(response.headers.get('retry-after'), clock.now()),
    };
  } finally {
    cancel();
  }
}

function retryAfterOf(headers: Readonly<Record<string, string>>, clock: Clock): number | undefined {
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'retry-after');
  return readRetryAfter(name === undefined ? null : (headers[name] ?? null), clock.now());
}
