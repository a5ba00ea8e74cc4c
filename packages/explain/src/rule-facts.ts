import type { DefinedScheme, Scheme, SchemeDefinition, SignatureRule } from '@countersign/core';
import { rulesOf } from '@countersign/core/extend';

/** The definition of a scheme that was made with `defineScheme()`. */
export function definitionOf(scheme: Scheme<unknown>): SchemeDefinition | undefined {
  const { definition } = scheme as Partial<DefinedScheme>;
  return definition?.signed === undefined ? undefined : definition;
}

/** The rules of a scheme as a list. None if the scheme is code. */
export function rulesOfScheme(scheme: Scheme<unknown>): readonly SignatureRule[] {
  const definition = definitionOf(scheme);
  return definition === undefined ? [] : rulesOf(definition);
}

/** The headers in which a rule's signatures may be. */
export function signatureHeaders({ signature }: SignatureRule): readonly string[] {
  if (signature.numberedHeader !== undefined) return [`${signature.numberedHeader}1`];
  return [signature.header ?? []].flat();
}

/** The other headers that a request must have by a rule. */
export function signedHeaders(rule: SignatureRule): readonly string[] {
  const { timestamp, id, content } = rule;
  const templates = [content ?? []].flat();
  const inContent = templates.flatMap((template) =>
    // What is in brackets may be left out.
    [...template.replace(/\[[^\]]*\]/g, '').matchAll(/\{header:([^{}]*)\}/g)].map(([, name = '']) => name),
  );
  const names = [timestamp?.header, id?.header, ...inContent];
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** All headers that any rule of a scheme reads. */
export function headersOf(scheme: Scheme<unknown>): readonly string[] {
  return [
    ...new Set(rulesOfScheme(scheme).flatMap((rule) => [...signatureHeaders(rule), ...signedHeaders(rule)])),
  ];
}

/** Whether a rule signs anything of the body. */
export function signsOfBody(rule: SignatureRule): boolean {
  return (
    rule.bodyDigest !== undefined ||
    Object.values(rule.parts ?? {}).some(
      (part) => 'digest' in part || 'fields' in part || 'sorted' in part,
    ) ||
    [rule.content ?? []]
      .flat()
      .some((template) => /\{(?:body|canonicalJson|field|formField)\b/.test(template))
  );
}

/** Whether a scheme signs parts of the query. */
export function signsQuery(scheme: Scheme<unknown>): boolean {
  return rulesOfScheme(scheme).some(
    (rule) =>
      rule.bodyDigest !== undefined ||
      [rule.content ?? []].flat().some((template) => template.includes('{query:')) ||
      Object.values(rule.parts ?? {}).some((part) => 'sorted' in part && part.sorted === 'query'),
  );
}

/** The sender's name as people write it. */
export function senderName(scheme: Scheme<unknown>): string {
  return definitionOf(scheme)?.about?.sender ?? scheme.name;
}
