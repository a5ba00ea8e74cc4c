import { types } from 'node:util';
import type { HeadersInput, Scheme, VerifierOptions, WebhookErrorCode } from '@countersign/core';
import { checkKeys, configError, type Freshness } from '@countersign/core/extend';
import { judge } from './baseline.ts';
import { bodyClues } from './body-clues.ts';
import { CapturedHead, headerPairs } from './captured-request.ts';
import { type Cause, causeOf, type Explanation, ExplanationResult } from './cause.ts';
import { headClues } from './head-clues.ts';
import { catalogueSchemes } from './other-senders.ts';
import { senderName } from './rule-facts.ts';
import { search } from './search.ts';
import { refusedSecretClues, secretClues } from './secret-clues.ts';
import type { ListedSecret } from './secret-variants.ts';
import { timeCauses } from './time-clues.ts';
import { parse, Trials } from './trials.ts';

/** A captured request, and the setup of the verifier that refused it. */
export interface ExplainOptions {
  /** The scheme of the verifier. */
  scheme: Scheme;
  /** The secrets of the verifier, exactly as it has them: with the mistakes that they may contain. */
  secrets: VerifierOptions['secrets'];
  /** The verifier's `publicUrl`. */
  publicUrl?: string;
  /** The verifier's `toleranceSeconds`. */
  toleranceSeconds?: VerifierOptions['toleranceSeconds'];
  /**
   * The request as captured. Text is read as UTF-8. The body may be `undefined` if the verifier refused the request before it read the
   * body; then `code` is required.
   */
  request: { method?: string; url?: string; headers: HeadersInput; body: Uint8Array | string | undefined };
  /** The code with which the verifier refused the request. Read only if the body is `undefined`. */
  code?: WebhookErrorCode;
  /** When the request was received. Default: now. */
  receivedAt?: Date;
  /** Other schemes that the request may be from. Default: those of `@countersign/schemes`. */
  schemes?: readonly Scheme[];
}

const KNOWN = Object.keys({
  scheme: true,
  secrets: true,
  publicUrl: true,
  toleranceSeconds: true,
  request: true,
  code: true,
  receivedAt: true,
  schemes: true,
} satisfies Record<keyof ExplainOptions, true>);

/**
 * Says why a verifier refuses a captured request, and what to change. It tries variants of the request, the secrets and the scheme; a
 * cause is `proven` only if a variant has exactly the given signature.
 *
 * For developers and operators. Never send an explanation to a sender: it would help an attacker.
 *
 * It tries at most 2,000 variants, for at most half a second, and does not vary bodies of more than 1 MiB. Nothing in the result
 * contains a secret, a computed signature, or more than 8 characters of a given one.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if an option is wrong; `ERR_WEBHOOK_PROVIDER_FAILED` if the secrets can't be loaded.
 * @example
 * ```ts
 * const explanation = await explain({ scheme: stripe(), secrets: process.env.STRIPE_SECRET ?? '', request: { headers, body } })
 * console.log(explanation.text())
 * ```
 */
export async function explain(options: ExplainOptions): Promise<Explanation> {
  const checked = checkKeys('explain()', options, KNOWN);
  const { scheme, secrets, publicUrl, toleranceSeconds, request, code, receivedAt, schemes } = checked;
  checkRequest(request, code);
  if (receivedAt !== undefined && (!types.isDate(receivedAt) || Number.isNaN(receivedAt.getTime())))
    throw configError('"receivedAt" must be a Date.');
  return explainRequest({
    scheme,
    secrets,
    publicUrl,
    toleranceSeconds,
    request,
    ...(request.body === undefined && code !== undefined ? { code } : {}),
    now: receivedAt?.getTime() ?? Date.now(),
    schemes,
  });
}

function checkRequest(request: unknown, code: WebhookErrorCode | undefined): void {
  const { headers, body } = (request ?? {}) as Partial<ExplainOptions['request']>;
  if (headers === null || typeof headers !== 'object')
    throw configError(
      '"request.headers" must be an object, raw pairs (name, value, name, value, …), or Headers.',
    );
  if (body === undefined && code !== undefined) return;
  if (typeof body !== 'string' && !types.isUint8Array(body))
    throw configError('"request.body" must be bytes or text, as received: not the parsed body.');
}

/** A refusal as {@link explain} and `explainRefusals()` have it. */
export interface RefusedRequest {
  readonly scheme: Scheme;
  readonly secrets: VerifierOptions['secrets'];
  readonly publicUrl: string | undefined;
  readonly toleranceSeconds?: VerifierOptions['toleranceSeconds'];
  readonly request: {
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly headers: HeadersInput;
    /** `undefined` if the request was refused before its body was read. */
    readonly body: Uint8Array | string | undefined;
  };
  /** The code of the refusal, if the body is `undefined`. */
  readonly code?: WebhookErrorCode;
  readonly now: number;
  readonly schemes?: readonly Scheme[] | undefined;
}

/** Explains a request, whose body may be unknown. */
export async function explainRequest(refused: RefusedRequest): Promise<Explanation> {
  const { secrets, publicUrl, toleranceSeconds, request, now } = refused;
  const scheme = refused.scheme as Scheme<unknown>;
  const given = request.body ?? '';
  const body = Buffer.from(given as string);
  const { method, url, headers } = request;
  const judged = await judge(
    {
      scheme: refused.scheme,
      secrets,
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
    },
    request.body === undefined ? undefined : { method, url, headers, body },
    now,
  );
  const code = refused.code ?? judged.code;
  const sender = senderName(scheme);
  const head = new CapturedHead({ method, url, publicUrl, pairs: headerPairs(headers) });
  if (code === undefined) return new ExplanationResult(sender, undefined, acceptedClues(head, body, scheme));

  const schemes = refused.schemes ?? catalogueSchemes();
  const trials = new Trials();
  const searched = { scheme, schemes, head, body, given, secrets: judged.secrets, keys: judged.keys };
  const proof = await search(searched, trials);
  const time = (of: { scheme: Scheme<unknown>; head: CapturedHead; body: Uint8Array }) =>
    timeCauses(
      {
        ...of,
        parsed: parse(of.scheme, of.head),
        found: proof?.found,
        isAsGiven: proof?.findings.length === 0,
        now,
        freshness: freshnessOf(of.scheme, toleranceSeconds),
      },
      trials,
    );
  if (proof !== undefined) {
    const proven = proof.findings.map((finding) => causeOf(finding, 'proven'));
    // The secret is right at the sender too, but no verifier takes it.
    const refusedSecrets =
      proven.length === 0 && code === 'ERR_WEBHOOK_SECRETS_INVALID'
        ? secretCauses(scheme, judged.secrets, code)
        : [];
    return new ExplanationResult(sender, code, [...proven, ...refusedSecrets, ...(await time(proof))]);
  }
  const clues = await unproven();
  return new ExplanationResult(sender, code, clues);

  async function unproven(): Promise<readonly Cause[]> {
    const ofSecrets = secretCauses(scheme, judged.secrets, code);
    const isUnread =
      parse(scheme, head) === undefined && !(publicUrl === undefined && scheme.needsPublicUrl === true);
    const ofHead = isUnread ? headClues(head, scheme, schemes) : [];
    if (isUnread || code === 'ERR_WEBHOOK_SECRETS_INVALID') return [...ofSecrets, ...ofHead];
    const causes = [
      ...(await time({ scheme, head, body })),
      ...(request.body === undefined ? [] : bodyClues(body, head, scheme)),
      ...ofSecrets,
    ];
    const isTold = causes.some(({ certainty }) => certainty === 'likely');
    if (isTold || request.body === undefined) return causes;
    if (code === 'ERR_WEBHOOK_SIGNATURE_MISSING') return [...causes, ...headClues(head, scheme, schemes)];
    return [...causes, secretOrBody()];
  }

  function secretOrBody(): Cause {
    const address =
      scheme.needsPublicUrl === true
        ? ', or "publicUrl" is not exactly the URL that the sender was given'
        : '';
    return causeOf(
      {
        code: 'secret-or-body',
        message: `None of ${trials.count} variants has this signature. Either ${sender} signs with another secret, or the body was changed on the way${address}: these can't be told apart.`,
        evidence: { variants: trials.count, bodyBytes: body.length, keys: judged.keys.length },
      },
      'possible',
    );
  }
}

function secretCauses(
  scheme: Scheme<unknown>,
  secrets: readonly ListedSecret[],
  code: WebhookErrorCode | undefined,
): readonly Cause[] {
  const clues = secretClues(scheme, secrets);
  const refused =
    code === 'ERR_WEBHOOK_SECRETS_INVALID' && clues.length === 0 ? refusedSecretClues(scheme, secrets) : [];
  return [...clues, ...refused].map((finding) => causeOf(finding, 'likely'));
}

function freshnessOf(
  { freshness }: Scheme<unknown>,
  tolerance: VerifierOptions['toleranceSeconds'],
): Freshness {
  if (tolerance === undefined || freshness.signed === 'none') return freshness;
  const { past, future } = typeof tolerance === 'number' ? { past: tolerance, future: tolerance } : tolerance;
  return { signed: freshness.signed, past, future };
}

/** What will go wrong with a genuine request: a handler that reads JSON from a form. */
function acceptedClues(head: CapturedHead, body: Buffer, scheme: Scheme<unknown>): readonly Cause[] {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(head.first('content-type') ?? '');
  if (!isForm || scheme.name !== 'github' || !body.subarray(0, 8).equals(Buffer.from('payload='))) return [];
  return [
    causeOf(
      {
        code: 'body-form-encoded',
        message:
          'The signature is right, but the body is a form with the JSON in its field "payload": `webhook.json()` will throw.',
        fix: 'Set the content type of the webhook to application/json at the sender, or read the form with `webhook.text()`.',
        evidence: { field: 'payload' },
      },
      'likely',
    ),
  ];
}
