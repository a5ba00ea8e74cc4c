import type { Scheme } from '@countersign/core';
import { type DefinedScheme, defineScheme } from '@countersign/core';
import * as catalogue from '@countersign/schemes';
import type { CapturedHead } from './captured-request.ts';
import type { Finding } from './cause.ts';
import { definitionOf, headersOf, rulesOfScheme, senderName, signatureHeaders } from './rule-facts.ts';

let known: readonly DefinedScheme[] | undefined;

/** Every scheme of the catalogue, made when it is first needed. */
export function catalogueSchemes(): readonly DefinedScheme[] {
  known ??= Object.values(catalogue).flatMap((make) => (typeof make === 'function' ? [make()] : []));
  return known;
}

/** Older signatures that a sender still sends beside the one that its scheme reads. */
const OLDER: Readonly<
  Record<string, readonly { header: string; hmac: 'sha1'; prefix?: string; encoding: 'hex' | 'base64' }[]>
> = {
  // https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
  github: [{ header: 'x-hub-signature', hmac: 'sha1', prefix: 'sha1=', encoding: 'hex' }],
  // https://developers.facebook.com/docs/graph-api/webhooks/getting-started
  meta: [{ header: 'x-hub-signature', hmac: 'sha1', prefix: 'sha1=', encoding: 'hex' }],
  // https://developer.squareup.com/docs/webhooks/step3validate
  square: [{ header: 'x-square-signature', hmac: 'sha1', encoding: 'base64' }],
};

/** A sender's older signatures, as schemes of their own. */
export function olderVersions(scheme: Scheme<unknown>): readonly { header: string; scheme: DefinedScheme }[] {
  const definition = definitionOf(scheme);
  const rule = rulesOfScheme(scheme)[0];
  if (definition === undefined || rule?.content === undefined) return [];
  return (Object.hasOwn(OLDER, scheme.name) ? (OLDER[scheme.name] ?? []) : []).map(
    ({ header, hmac, prefix, encoding }) => ({
      header,
      scheme: defineScheme({
        name: scheme.name,
        secret: definition.secret,
        signed: {
          algorithm: { hmac },
          signature: { header, encoding, ...(prefix === undefined ? {} : { prefix }) },
          content: rule.content,
        },
        identity: 'content',
        delivery: definition.delivery,
      } as never),
    }),
  );
}

/** Whether two schemes are versions or products of one sender: `hubspot` and `hubspot-v1`. */
function isSameSender(a: Scheme<unknown>, b: Scheme<unknown>): boolean {
  const stem = (scheme: Scheme<unknown>) => scheme.name.split('-')[0];
  return stem(a) === stem(b);
}

/** Says from whom a request is. */
export function otherSenderFinding(
  scheme: Scheme<unknown>,
  others: readonly Scheme<unknown>[],
  proven: boolean,
): Finding {
  const family = others.filter((other) => isSameSender(scheme, other));
  const named = (family.length > 0 ? family : [...others].sort(byGenerality)).slice(0, MAX_NAMED);
  const rest = (family.length > 0 ? family : others).length - named.length;
  const names = `${named.map(senderName).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  const alike = named.length > 1 ? ' (they sign alike)' : '';
  return {
    code: family.length > 0 ? 'sender-other-version' : 'sender-other',
    message: `The request has ${proven ? 'a signature' : 'the headers'} of ${names}${alike}, but the verifier has the scheme "${scheme.name}".`,
    evidence: { schemes: named.map(({ name }) => name).join(', ') },
  };
}

const MAX_NAMED = 4;
/** What many senders use says more than the first of them. */
const GENERIC = ['standard-webhooks', 'svix'];

function byGenerality(a: Scheme<unknown>, b: Scheme<unknown>): number {
  const rank = ({ name }: Scheme<unknown>) =>
    GENERIC.includes(name) ? GENERIC.indexOf(name) : GENERIC.length;
  return rank(a) - rank(b);
}

/** Says that only an older signature of the sender is there. */
export function olderVersionFinding(scheme: Scheme<unknown>, header: string): Finding {
  return {
    code: 'sender-other-version',
    message: `The request has only the older signature of ${senderName(scheme)}, in the header "${header}".`,
    evidence: { header },
  };
}

/** Headers whose name says nothing about the sender. */
const ANYBODYS = new Set(['authorization', 'signature', 'x-signature', 'digest', 'date', 'x-timestamp']);

/** The senders whose signature headers a request has. */
export function sendersByHeaders(
  head: CapturedHead,
  scheme: Scheme<unknown>,
  schemes: readonly Scheme<unknown>[],
): readonly Scheme<unknown>[] {
  const own = new Set(headersOf(scheme));
  const found = schemes
    .filter((other) => other.name !== scheme.name)
    .map((other) => ({ other, rule: rulesOfScheme(other).find((rule) => hasAll(head, rule)) }))
    .filter(
      ({ rule }) =>
        rule !== undefined && !signatureHeaders(rule).some((name) => own.has(name) || ANYBODYS.has(name)),
    );
  return found.map(({ other }) => other);
}

function hasAll(head: CapturedHead, rule: ReturnType<typeof rulesOfScheme>[number]): boolean {
  const { field, formField } = rule.signature;
  if (field !== undefined || formField !== undefined) return false;
  const names = signatureHeaders(rule);
  return names.length > 0 && names.some((name) => head.has(name));
}
