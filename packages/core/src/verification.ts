import type { DeliveryOutcome } from './events.ts';
import { checkFreshness, checkValidity } from './freshness.ts';
import type { Refusals } from './refusals.ts';
import { replayKeyOf } from './replay/replay-key.ts';
import { type ReplayRecord, type ReplayRetention, replayRetention } from './replay/replay-record.ts';
import { HeadReader, type WebhookRequest } from './request.ts';
import { bodyError, checkBytes } from './request-body.ts';
import type { Match, ParsedHead } from './scheme/scheme.ts';
import type { KeySet, MismatchResult } from './secrets/keyring.ts';
import { isThenable } from './thenable.ts';
import type { VerifierSettings } from './verifier-options.ts';
import { Delivery } from './webhook.ts';
import { WebhookError } from './webhook-error.ts';

type Outcome = Match | WebhookError;

/** Verifies the requests of one endpoint. */
export class Verification<K> {
  readonly #settings: VerifierSettings<K>;
  readonly #refusals: Refusals;
  readonly #report: ((event: DeliveryOutcome) => void) | undefined;
  readonly #horizon: ReplayRetention;
  readonly #mismatch: string;
  readonly #recordOf = (delivery: Delivery): ReplayRecord => ({
    key: replayKeyOf(delivery, this.#settings.deliveryKey),
    ...this.#horizon,
  });

  constructor(
    settings: VerifierSettings<K>,
    refusals: Refusals,
    report: ((event: DeliveryOutcome) => void) | undefined,
  ) {
    const { freshness, scheme, endpoint } = settings;
    this.#settings = settings;
    this.#refusals = refusals;
    this.#report = report;
    this.#horizon = replayRetention(freshness, scheme.delivery);
    const address =
      scheme.needsPublicUrl === true
        ? ' Or the sender was given another address than "publicUrl": it must be the same to the letter.'
        : '';
    this.#mismatch = `No key of the endpoint "${endpoint}" matches: forged, changed on the way, or signed with a secret that is not in the set.${address}`;
  }

  // The order of the steps, and the only place that knows it.
  async verify(request: WebhookRequest): Promise<Delivery> {
    const { clock, scheme, publicUrl, keyring, freshness } = this.#settings;
    const startedAt = this.#report === undefined ? 0 : clock.monotonic();
    let refusal: unknown;
    try {
      const opened = scheme.parseHead(new HeadReader(request, publicUrl));
      checkFreshness(opened.signedAt, freshness, clock);
      checkValidity(opened, clock);
      let body: Uint8Array;
      try {
        body = checkBytes(typeof request.body === 'function' ? await request.body() : request.body);
      } catch (error) {
        throw bodyError(error);
      }
      const set = keyring.keys();
      const tried = set.keys.length > 0 ? opened.match(body, set.keys) : undefined;
      const found = (isThenable(tried) ? await tried : tried) ?? this.#matchAfterMiss(opened, body, set);
      const match = isThenable(found) ? await found : found;
      if (!(match instanceof WebhookError)) return this.#accept(opened, body, match, startedAt);
      refusal = match;
    } catch (error) {
      refusal = error;
    }
    // Where a promise is rejected before anybody has taken it, the runtime's bookkeeping costs as much as a signature.
    await undefined;
    throw this.#refusals.refuse(refusal, startedAt);
  }

  /** A key matches: what is left is time, which may have passed. */
  #accept(opened: ParsedHead<K>, body: Uint8Array, match: Match, startedAt: number): Delivery {
    const { clock, freshness, keyring, scheme, endpoint } = this.#settings;
    this.#refusals.noteMatch();
    const signedAt = match.signedAt === undefined ? opened.signedAt : match.signedAt;
    // Once more, since reading may have taken long: a body held back must not outlive what the replay store remembers.
    checkFreshness(signedAt, freshness, clock);
    checkValidity(opened, clock);
    checkValidity(match, clock);
    // Only now: a replayed delivery that is too old must not make a replaced secret look as if it were still used.
    keyring.matched(match.key.id);
    const delivery = new Delivery({
      scheme: scheme.name,
      endpoint,
      body,
      match,
      signedAt: signedAt ?? undefined,
      record: this.#recordOf,
    });
    this.#reportVerified(delivery, startedAt);
    return delivery;
  }

  /** No key of `tried` matches: one shared reload may bring the right one. */
  #matchAfterMiss(opened: ParsedHead<K>, body: Uint8Array, tried: KeySet<K>): Outcome | Promise<Outcome> {
    const { keyring, scheme } = this.#settings;
    const keyId = opened.keyId ?? opened.keyIdIn?.(body);
    const miss = keyring.reloadForMismatch(tried, mismatchOptions(keyId, scheme.delivery.timeoutSeconds));
    if (isThenable(miss))
      return Promise.resolve(miss).then((result) => this.#matchAgain(opened, body, tried, result));
    return this.#matchAgain(opened, body, tried, miss);
  }

  #matchAgain(
    opened: ParsedHead<K>,
    body: Uint8Array,
    tried: KeySet<K>,
    miss: MismatchResult<K>,
  ): Outcome | Promise<Outcome> {
    const { keys } = miss.state === 'changed' ? miss.set : tried;
    if (keys.length === 0 && this.#settings.keyring.isReadyWithoutKeys !== true) {
      return new WebhookError(
        'ERR_WEBHOOK_NOT_READY',
        'No valid set of secrets is loaded; health() says why.',
      );
    }
    const match = keys === tried.keys || keys.length === 0 ? undefined : opened.match(body, keys);
    if (isThenable(match)) return Promise.resolve(match).then((found) => found ?? this.#unmatched(miss));
    return match ?? this.#unmatched(miss);
  }

  #unmatched(miss: MismatchResult<K>): WebhookError {
    const doubt =
      miss.state === 'uncertain' ? miss.message : miss.state === 'changed' ? miss.doubt : undefined;
    return doubt === undefined
      ? new WebhookError('ERR_WEBHOOK_SIGNATURE_MISMATCH', this.#mismatch)
      : new WebhookError('ERR_WEBHOOK_SECRETS_UNCERTAIN', doubt);
  }

  #reportVerified(delivery: Delivery, startedAt: number): void {
    if (this.#report === undefined) return;
    const { clock } = this.#settings;
    const { key, body, signedAt } = delivery;
    this.#report({
      type: 'verified',
      key,
      skewSeconds: signedAt && (clock.now() - signedAt.getTime()) / 1000,
      bodyBytes: body.byteLength,
      durationMs: clock.monotonic() - startedAt,
    });
  }
}

/** A sender that waits only briefly must be answered before it gives up: a fifth of its patience goes into a reload. */
function mismatchOptions(
  keyId: string | undefined,
  timeoutSeconds: number | undefined,
): { waitMs?: number; keyId?: string } {
  return {
    ...(timeoutSeconds === undefined ? {} : { waitMs: timeoutSeconds * 200 }),
    ...(keyId === undefined ? {} : { keyId }),
  };
}
