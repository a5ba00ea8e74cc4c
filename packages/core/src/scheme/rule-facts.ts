import type { ContentPart } from './content-part.ts';
import { namesIn, parseTemplate } from './content-template.ts';
import type { HandshakeRule } from './handshake-definition.ts';
import type { SchemeDefinition } from './scheme-definition.ts';
import type { SignatureRule } from './signature-rule.ts';

/** The forms of a definition as a list. */
export function rulesOf({ signed }: Pick<SchemeDefinition, 'signed'>): readonly SignatureRule[] {
  return Array.isArray(signed) ? (signed as readonly SignatureRule[]) : [signed as SignatureRule];
}

/** The handshakes of a definition as a list. */
export function handshakesOf({ handshake }: Pick<SchemeDefinition, 'handshake'>): readonly HandshakeRule[] {
  return handshake === undefined ? [] : [handshake].flat();
}

/** Whether a form's signature covers the body: its bytes, a digest of them, or everything that a parser reads of them. */
export function coversBody(form: SignatureRule): boolean {
  if (form.content === undefined) return false;
  if (form.bodyDigest !== undefined) return true;
  const parts = form.parts ?? {};
  const templates = typeof form.content === 'string' ? [form.content] : form.content;
  return templates.every((template) =>
    namesIn(parseTemplate(template, Object.keys(parts))).some(({ name }) => {
      if (name === 'body' || name === 'canonicalJson') return true;
      const part = parts[name];
      return part !== undefined && ('digest' in part || signsFormBody(part));
    }),
  );
}

/** Whether a part signs the parameters of a form: values without their names could be given to others. */
export function signsFormBody(part: ContentPart): boolean {
  return 'sorted' in part && part.sorted === 'form' && part.pair.includes('{name}');
}

/** Whether the bytes of the body are covered, so that another spelling of the same content is another delivery's. */
export function coversBytes(form: SignatureRule): boolean {
  if (form.content === undefined) return true;
  if (form.bodyDigest !== undefined) return true;
  const parts = form.parts ?? {};
  const templates = typeof form.content === 'string' ? [form.content] : form.content;
  return templates.every((template) =>
    namesIn(parseTemplate(template, Object.keys(parts))).some(({ name }) => {
      const part = parts[name];
      return name === 'body' || (part !== undefined && 'digest' in part);
    }),
  );
}

/** Whether deliveries of a form can be verified only with the address the sender was given. */
export function namesUrl(form: SignatureRule): boolean {
  if (form.content === undefined) return false;
  const templates = typeof form.content === 'string' ? [form.content] : form.content;
  const declared = Object.keys(form.parts ?? {});
  return templates.some((template) =>
    namesIn(parseTemplate(template, declared)).some(({ name }) => ['url', 'baseUrl', 'path'].includes(name)),
  );
}
