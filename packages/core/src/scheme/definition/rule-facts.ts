import { firmNamesIn, type NamedPiece, namesIn, parseTemplate } from '../content/content-template.ts';
import type { HandshakeRule, SchemeDefinition } from './scheme-definition.ts';
import type { ContentPart, SignatureRule } from './signature-rule.ts';

const URL_PARTS = ['url', 'baseUrl', 'path'];

/**
 * The rules of a definition as a list.
 *
 * @example
 * ```ts
 * const headers = rulesOf(scheme.definition).map(({ signature }) => signature.header)
 * ```
 */
export function rulesOf({ signed }: Pick<SchemeDefinition, 'signed'>): readonly SignatureRule[] {
  return Array.isArray(signed) ? (signed as readonly SignatureRule[]) : [signed as SignatureRule];
}

/** The handshake rules of a definition as a list. */
export function handshakesOf({ handshake }: Pick<SchemeDefinition, 'handshake'>): readonly HandshakeRule[] {
  return handshake === undefined ? [] : [handshake].flat();
}

/** The templates of a rule's content as a list; empty for a token, which signs nothing. */
export function templatesOf({ content }: SignatureRule): readonly string[] {
  return content === undefined ? [] : typeof content === 'string' ? [content] : content;
}

/** Whether a rule's signature covers the body: its bytes, a digest of them, or everything that a parser reads from them. */
export function coversBody(rule: SignatureRule): boolean {
  return (
    coversBytes(rule) ||
    everyTemplate(rule, ({ name }, part) => name === 'canonicalJson' || signsFormBody(part))
  );
}

/** Whether a rule's signature covers the bytes of the body, so that another spelling of the same values is another delivery. */
export function coversBytes(rule: SignatureRule): boolean {
  if (rule.bodyDigest !== undefined) return true;
  return everyTemplate(rule, ({ name }, part) => name === 'body' || (part !== undefined && 'digest' in part));
}

/** Whether a part signs the parameters of a form with their names: values alone could be moved to other names. */
function signsFormBody(part: ContentPart | undefined): boolean {
  return part !== undefined && 'sorted' in part && part.sorted === 'form' && part.pair.includes('{name}');
}

/** Whether every signature of a rule covers a field of the body. */
export function signsField(rule: SignatureRule, field: string): boolean {
  const { parts = {} } = rule;
  const templates = templatesOf(rule);
  return (
    templates.length > 0 &&
    templates.every((template) =>
      firmNamesIn(parseTemplate(template, Object.keys(parts))).some(({ name, of }) => {
        if (name === 'body' || name === 'canonicalJson') return true;
        if (name === 'field' || name === 'formField') return of === field;
        const part = parts[name];
        if (part === undefined) return false;
        if ('fields' in part) return part.fields.includes(field);
        return (
          'digest' in part || (signsFormBody(part) && 'sorted' in part && part.omit?.includes(field) !== true)
        );
      }),
    )
  );
}

/** Whether every signature of a rule covers a header. */
export function signsHeader(rule: SignatureRule, header: string): boolean {
  const { parts = {}, id } = rule;
  const templates = templatesOf(rule);
  return (
    templates.length > 0 &&
    templates.every((template) =>
      firmNamesIn(parseTemplate(template, Object.keys(parts))).some(({ name, of }) => {
        if (name === 'header') return of === header;
        if (name === 'id') return id?.header === header;
        const part = parts[name];
        return part !== undefined && 'listedHeaders' in part && part.require?.includes(header) === true;
      }),
    )
  );
}

/** Whether deliveries of a rule can be verified only with the verifier's `publicUrl`. */
export function namesUrl(rule: SignatureRule): boolean {
  return namesAny(rule, ({ name }) => URL_PARTS.includes(name));
}

/** Whether a rule signs the method, URL or query of a request in addition to its body. */
export function signsTarget(rule: SignatureRule): boolean {
  return namesAny(
    rule,
    ({ name }, part) =>
      name === 'method' ||
      name === 'query' ||
      name === 'lowerQuery' ||
      URL_PARTS.includes(name) ||
      (part !== undefined && 'sorted' in part && part.sorted === 'query'),
  );
}

type Test = (piece: NamedPiece, part: ContentPart | undefined) => boolean;

function everyTemplate(rule: SignatureRule, test: Test): boolean {
  const templates = templatesOf(rule);
  return templates.length > 0 && templates.every((template) => namesAnyIn(template, rule, test));
}

function namesAny(rule: SignatureRule, test: Test): boolean {
  return templatesOf(rule).some((template) => namesAnyIn(template, rule, test));
}

function namesAnyIn(template: string, { parts = {} }: SignatureRule, test: Test): boolean {
  return namesIn(parseTemplate(template, Object.keys(parts))).some((piece) => test(piece, parts[piece.name]));
}
