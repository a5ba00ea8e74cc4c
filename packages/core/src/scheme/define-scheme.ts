import type { RequestHead } from '../request.ts';
import { configError } from '../util/options.ts';
import { WebhookError } from '../webhook-error.ts';
import { checkDefinition } from './check-definition.ts';
import { compileRule, type FormOpened } from './compile-rule.ts';
import type { CheckedDefinition } from './definition-types.ts';
import { compileHandshake } from './handshake.ts';
import { importSecret, keyFormatOf } from './import-key.ts';
import { namesUrl, rulesOf } from './rule-facts.ts';
import type { DefinedScheme, Freshness, Key, Match, ParsedHead } from './scheme.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import type { SignatureRule } from './signature-rule.ts';

/**
 * Makes a scheme of a definition. Everything that can be decided is decided here; a request only looks it up.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for a definition that contradicts itself, naming the field.
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
): DefinedScheme {
  checkDefinition(definition);
  const fixed: SchemeDefinition = deepFreeze(copyOf(definition));
  const all = rulesOf(fixed);
  const forms = all.map((form, index) => compileRule(form, fixed, isSharedBehind(all, index)));
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
      for (let index = 0; index < forms.length; index++) {
        const opened = forms[index]?.(head);
        if (opened === undefined) continue;
        return opened.tryBody === undefined
          ? opened
          : openInBody(opened, forms.slice(index + 1), head, fixed);
      }
      throw missing(fixed.name);
    },
  });
}

/** Signatures that stand in the body are looked for when it has been read, form by form. */
function openInBody(
  first: FormOpened,
  others: readonly ((head: RequestHead) => FormOpened | undefined)[],
  head: RequestHead,
  { name }: SchemeDefinition,
): ParsedHead {
  return {
    signedAt: first.signedAt,
    keyId: first.keyId,
    match(body: Uint8Array, keys: readonly Key[]): Match | undefined {
      for (const read of [() => first, ...others]) {
        const opened = read(head);
        if (opened === undefined) continue;
        const result = opened.tryBody === undefined ? opened.match(body, keys) : opened.tryBody(body, keys);
        if (result !== null) return result as Match | undefined;
      }
      throw missing(name);
    },
  };
}

/** Whether a form behind this one reads the same header, so that a signature of another label may be for that one. */
function isSharedBehind(forms: readonly SignatureRule[], index: number): boolean {
  const header = forms[index]?.signature.header;
  return (
    header !== undefined &&
    forms.slice(index + 1).some(({ signature }) => String(signature.header) === String(header))
  );
}

function freshnessOf(definition: SchemeDefinition): Freshness {
  const { tolerance, bodyTimestamp } = definition;
  if (bodyTimestamp !== undefined)
    return { signed: 'body', past: bodyTimestamp.past, future: bodyTimestamp.future };
  if (rulesOf(definition).some((form) => form.timestamp === undefined)) return { signed: 'none' };
  return { signed: 'header', past: tolerance?.past ?? 300, future: tolerance?.future ?? 300 };
}

function missing(name: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_SIGNATURE_MISSING', `The request has no ${name} signature.`);
}

function copyOf(definition: SchemeDefinition): SchemeDefinition {
  try {
    return structuredClone(definition);
  } catch {
    throw configError('defineScheme() takes data alone: no function can stand in a definition.');
  }
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object') {
    for (const each of Object.values(value)) deepFreeze(each);
    Object.freeze(value);
  }
  return value;
}
