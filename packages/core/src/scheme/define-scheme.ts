import { copyDefinition } from '../util/options.ts';
import { compileRules } from './compile-rule.ts';
import { checkDefinition } from './definition/check-definition.ts';
import { namesUrl, rulesOf } from './definition/rule-facts.ts';
import type { SchemeDefinition } from './definition/scheme-definition.ts';
import type { SignatureRule } from './definition/signature-rule.ts';
import { compileHandshake } from './handshake/handshake.ts';
import type { DefinedScheme, Freshness } from './scheme.ts';
import { keyFormatOf, secretImporter } from './signature/import-key.ts';

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
  const { secret } = fixed;
  const handshake = compileHandshake(fixed);
  return Object.freeze({
    name: fixed.name,
    keyFormat: keyFormatOf(secret),
    delivery: fixed.delivery,
    freshness: Object.freeze(freshnessOf(fixed)),
    needsPublicUrl: rulesOf(fixed).some(namesUrl),
    definition: fixed,
    ...(handshake === undefined ? {} : { handshake }),
    importKey: secretImporter(secret),
    parseHead: compileRules(fixed),
  });
}

function freshnessOf(definition: SchemeDefinition): Freshness {
  const { tolerance, bodyTimestamp } = definition;
  if (bodyTimestamp !== undefined)
    return { signed: 'body', past: bodyTimestamp.past, future: bodyTimestamp.future };
  if (rulesOf(definition).some((rule) => rule.timestamp === undefined)) return { signed: 'none' };
  return { signed: 'header', past: tolerance?.past ?? 300, future: tolerance?.future ?? 300 };
}

type PlainPart =
  | 'body'
  | 'timestamp'
  | 'id'
  | 'secret'
  | 'method'
  | 'url'
  | 'baseUrl'
  | 'path'
  | 'canonicalJson';
type NamedPart = `${'header' | 'entry' | 'query' | 'lowerQuery' | 'field' | 'formField'}:${string}`;

/** The parts that a template names. */
type PartsOf<T extends string> = T extends `${string}{${infer Part}}${infer Rest}`
  ? Part | PartsOf<Rest>
  : never;
type Declared<F> = F extends { readonly parts: infer P } ? keyof P & string : never;
type TemplatesOf<F> = F extends { readonly content: infer C }
  ? C extends string
    ? C
    : C extends readonly string[]
      ? C[number]
      : never
  : never;

type KeysOf<T> = T extends unknown ? keyof T : never;

/** Refuses unknown properties, such as misspelled ones. TypeScript allows them in a value from which it infers a type parameter. */
type NoOthers<T, Known> = { readonly [key in Exclude<keyof T, KeysOf<Known>>]: never };

/** Refuses unknown properties of a rule and of the location of its signature. */
type OnlyKnown<F> = NoOthers<F, SignatureRule> &
  (F extends { readonly signature: infer P }
    ? { readonly signature: NoOthers<P, SignatureRule['signature']> }
    : unknown);

/**
 * A rule in which every part exists, and every signed value is declared. If the compiler does not know the text of a template, only
 * `defineScheme()` checks it.
 */
type CheckedRule<F> =
  string extends TemplatesOf<F>
    ? unknown
    : PartsOf<TemplatesOf<F>> extends PlainPart | NamedPart | Declared<F>
      ? Needed<F, 'timestamp'> & Needed<F, 'id'> & Secretless<F>
      : { readonly content: `{${PlainPart}} or {${NamedPart}}, or a name of "parts"` };

type Needed<F, Name extends 'timestamp' | 'id'> =
  Name extends PartsOf<TemplatesOf<F>> ? { readonly [name in Name]: object } : unknown;
type Secretless<F> =
  'secret' extends PartsOf<TemplatesOf<F>>
    ? { readonly algorithm: { readonly hash: string; readonly publicKey?: undefined } }
    : unknown;

/** A rule whose algorithm fits the secret. */
type Fitting<D, F> = D extends { readonly secret: { readonly publicKey: infer P } }
  ? string extends P
    ? unknown
    : { readonly algorithm: { readonly publicKey: P } }
  : D extends { readonly secret: { readonly encoding: string } }
    ? F extends { readonly algorithm: { readonly publicKey: string } }
      ? { readonly algorithm: 'a public-key algorithm needs a "secret" with "publicKey"' }
      : unknown
    : unknown;

type CheckedRules<D, S> = S extends readonly unknown[]
  ? // Includes the rule's own type: a type that is intersected with a tuple must have every property of the tuple's elements.
    {
      readonly [index in keyof S]: S[index] &
        CheckedRule<S[index]> &
        Fitting<D, S[index]> &
        OnlyKnown<S[index]>;
    }
  : CheckedRule<S> & Fitting<D, S> & OnlyKnown<S>;

/** Refuses mistakes in a definition that the compiler can find. */
export type CheckedDefinition<D> = D extends { readonly signed: infer S }
  ? SchemeDefinition extends D
    ? unknown
    : { readonly signed: CheckedRules<D, S> } & NoOthers<D, SchemeDefinition>
  : unknown;

/** The labels under which `webhook.unsignedHeaders` shows what is not signed. Any text if the compiler does not know the definition. */
export type LabelsOf<D> = D extends { readonly unsignedHeaders: infer H } ? keyof H & string : string;
