import type { RequestHead } from '../request.ts';
import { copyDefinition } from '../util/options.ts';
import { isWebhookError, WebhookError } from '../webhook-error.ts';
import { compileRule, type ParsedRule, type RuleReader } from './compile-rule.ts';
import { checkDefinition } from './definition/check-definition.ts';
import type { CheckedDefinition, LabelsOf } from './definition/definition-types.ts';
import { namesUrl, rulesOf } from './definition/rule-facts.ts';
import type { SchemeDefinition } from './definition/scheme-definition.ts';
import type { SignatureRule } from './definition/signature-rule.ts';
import { compileHandshake } from './handshake/handshake.ts';
import type { DefinedScheme, Freshness, Key, Match, ParsedHead } from './scheme.ts';
import { importSecret, keyFormatOf } from './signature/import-key.ts';
import { locationText } from './signature/read-signatures.ts';

/**
 * Makes a scheme from a definition: checks it and compiles it, once for all requests.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if the definition is malformed or contradicts itself. The message names the field.
 * @example
 * ```ts
 * const acme = defineScheme({
 *   name: 'acme',
 *   secret: { encoding: 'utf8' },
 *   signed: {
 *     algorithm: { hmac: 'sha256' },
 *     signature: { header: 'x-acme-signature', prefix: 'sha256=', encoding: 'hex' },
 *     content: '{body}',
 *   },
 *   identity: 'body',
 *   delivery: { retries: [429, '5xx'], idStableOverRetries: 'unknown', retrySignature: 'repeated' },
 * })
 * ```
 */
export function defineScheme<const D extends SchemeDefinition>(
  definition: D & CheckedDefinition<D>,
): DefinedScheme<LabelsOf<D>> {
  const fixed = copyDefinition('defineScheme()', definition);
  checkDefinition(fixed);
  const all = rulesOf(fixed);
  const rules = all.map((rule, index) => compileRule(rule, fixed, isSharedBehind(all, index)));
  const { secret } = fixed;
  const handshake = compileHandshake(fixed);
  return Object.freeze({
    name: fixed.name,
    keyFormat: keyFormatOf(secret),
    delivery: fixed.delivery,
    freshness: Object.freeze(freshnessOf(fixed)),
    needsPublicUrl: all.some(namesUrl),
    definition: fixed,
    ...(handshake === undefined ? {} : { handshake }),
    importKey: (input: string | Uint8Array) => importSecret(input, secret),
    parseHead(head: RequestHead) {
      return fixed.delivery.demands401 === true ? respondWith401(() => parse(head)) : parse(head);
    },
  });

  function parse(head: RequestHead): ParsedHead {
    for (let index = 0; index < rules.length; index++) {
      const parsed = rules[index]?.(head);
      if (parsed === undefined) continue;
      return parsed.tryBody === undefined ? parsed : matchInBody(parsed, rules.slice(index + 1), head, fixed);
    }
    throw missing(fixed);
  }
}

/** A sender that demands 401 for a wrong signature demands it for a malformed one, too. */
function respondWith401(parse: () => ParsedHead): ParsedHead {
  try {
    return parse();
  } catch (error) {
    if (!isWebhookError(error) || error.code !== 'ERR_WEBHOOK_HEADER_INVALID') throw error;
    throw new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', error.message);
  }
}

/** Matches a request whose signature may be in its body: when the body has been read, the rules look for a signature one by one. */
function matchInBody(
  first: ParsedRule,
  others: readonly RuleReader[],
  head: RequestHead,
  definition: SchemeDefinition,
): ParsedHead {
  return {
    signedAt: first.signedAt,
    keyId: first.keyId,
    match(body: Uint8Array, keys: readonly Key[]): Match | undefined {
      for (const read of [() => first, ...others]) {
        const parsed = read(head);
        if (parsed === undefined) continue;
        const result = parsed.tryBody === undefined ? parsed.match(body, keys) : parsed.tryBody(body, keys);
        if (result !== null) return result as Match | undefined;
      }
      throw missing(definition);
    },
  };
}

/** Whether a later rule reads the same header, so that a signature of another label may be for that rule. */
function isSharedBehind(rules: readonly SignatureRule[], index: number): boolean {
  const header = rules[index]?.signature.header;
  return (
    header !== undefined &&
    rules.slice(index + 1).some(({ signature }) => String(signature.header) === String(header))
  );
}

function freshnessOf(definition: SchemeDefinition): Freshness {
  const { tolerance, bodyTimestamp } = definition;
  if (bodyTimestamp !== undefined)
    return { signed: 'body', past: bodyTimestamp.past, future: bodyTimestamp.future };
  if (rulesOf(definition).some((rule) => rule.timestamp === undefined)) return { signed: 'none' };
  return { signed: 'header', past: tolerance?.past ?? 300, future: tolerance?.future ?? 300 };
}

function missing(definition: SchemeDefinition): WebhookError {
  const places = [...new Set(rulesOf(definition).map(locationText))];
  return new WebhookError(
    'ERR_WEBHOOK_SIGNATURE_MISSING',
    `The request has no ${definition.name} signature: it has no ${places.join(', and no ')}.`,
  );
}
