import { randomBytes } from 'node:crypto';
import { systemClock } from '@countersign/core/extend';
import type { CapturedRequest } from './delivery-queue.ts';
import { type AttemptAnswer, post } from './post.ts';
import type { AnySimulatedSender } from './sender.ts';
import type { AnyAccount } from './vendor-account.ts';

/**
 * The requests of an attacker without the secret.
 *
 * - `random-signature`: a new event with a signature of the right form.
 * - `wrong-key`: a new event, signed by the vendor's formula with a key of the forger.
 * - `altered-body`: the headers of a captured request over another body.
 * - `missing-signature`: a new event without the signature header.
 * - `stuffed-signature`: a new event with 500 signatures in one header.
 * - `replay`: a captured request again, byte for byte. It verifies; it must not run twice.
 * - `stale-replay`: a genuine request of long ago, which this receiver does not remember.
 */
export const FORGERIES = [
  'random-signature',
  'wrong-key',
  'altered-body',
  'missing-signature',
  'stuffed-signature',
  'replay',
  'stale-replay',
] as const;

/** One of {@link FORGERIES}. */
export type Forgery = (typeof FORGERIES)[number];

/** A request that the vendor never sent. */
export interface ForgedRequest {
  readonly forgery: Forgery;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const STUFFED_ENTRIES = 500;
// Node refuses more than 16 KiB of headers before any verifier sees them: most of the entries have to be short.
const FULL_LENGTH_ENTRIES = 120;
const HOUR_SECONDS = 3600;
// If no header carries a time, the only signed one is a field of the body, and it has to bear a retry span: days, not minutes.
const LONG_AGO_SECONDS: Partial<Record<AnyAccount['vendor'], number>> = {
  langsmith: 30 * 24 * HOUR_SECONDS,
};

let forged = 0;

/**
 * Makes a request as an attacker without the secret could send it. The number in its body is negative (see {@link sequenceOf}),
 * except in a `replay`: an effect of a negative number is a forgery that got through.
 *
 * @param options.ageSeconds How old a `stale-replay` is. Default: an hour; LangSmith, which signs no time of sending: 30 days.
 * @throws `Error` for `replay` and `altered-body` as long as nothing was delivered that could have been captured.
 * @example
 * ```ts
 * for (const forgery of FORGERIES) console.log(forgery, await sendForged(forge(sender, forgery)))
 * ```
 */
export function forge(
  sender: Pick<AnySimulatedSender, 'account' | 'receiverUrl' | 'clock' | 'captured'>,
  forgery: Forgery,
  options: { ageSeconds?: number } = {},
): ForgedRequest {
  const { account, receiverUrl: url, clock } = sender;
  const ageSeconds =
    forgery === 'stale-replay' ? (options.ageSeconds ?? LONG_AGO_SECONDS[account.vendor] ?? HOUR_SECONDS) : 0;
  const at = clock.now() - ageSeconds * 1000;
  const seconds = Math.floor(at / 1000);
  const event = account.newEvent({ sequence: -++forged, at: new Date(at) });
  const withDigests = (digests: readonly string[]): ForgedRequest => ({
    forgery,
    url,
    headers: account.headers(event, seconds, digests),
    body: event.body,
  });

  switch (forgery) {
    case 'random-signature':
      return withDigests([randomDigest(account)]);
    case 'wrong-key':
      return withDigests([account.digest(account.mintSecret(), event, seconds)]);
    case 'stuffed-signature':
      return withDigests(
        Array.from({ length: STUFFED_ENTRIES }, (_, index) =>
          randomDigest(account, index < FULL_LENGTH_ENTRIES ? 32 : 3),
        ),
      );
    case 'missing-signature': {
      const { [account.signatureHeader]: _, ...headers } = withDigests([]).headers;
      return { forgery, url, headers, body: event.body };
    }
    case 'altered-body': {
      const { headers, body } = newestCaptured(sender.captured());
      const text = body.toString('utf8').replace(/"sequence":\d+/, `"sequence":${event.sequence}`);
      return { forgery, url, headers, body: Buffer.from(text) };
    }
    case 'replay': {
      const { headers, body } = newestCaptured(sender.captured());
      return { forgery, url, headers, body };
    }
    case 'stale-replay':
      // Simulates a capture made back then: the vendor itself signed it, with a secret that is valid now.
      return withDigests(account.signing().map((secret) => account.digest(secret, event, seconds)));
  }
}

/** Sends a forged request on a connection of its own, and returns the status of the response. Never rejects. */
export async function sendForged(
  request: ForgedRequest,
  options: { timeoutSeconds?: number } = {},
): Promise<AttemptAnswer> {
  const timeoutMs = (options.timeoutSeconds ?? 30) * 1000;
  const { answer } = await post(request.url, request, { agent: false, clock: systemClock, timeoutMs }).result;
  return answer;
}

function randomDigest(account: AnyAccount, bytes = 32): string {
  return randomBytes(bytes).toString(account.digestEncoding);
}

function newestCaptured(captured: readonly CapturedRequest[]): CapturedRequest {
  const newest = captured.at(-1);
  if (newest === undefined) throw new Error('Nothing was delivered yet, so nothing can have been captured.');
  return newest;
}
