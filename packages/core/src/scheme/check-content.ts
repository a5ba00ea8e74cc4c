import { configError } from '../util/options.ts';
import { checkPart } from './check-part.ts';
import { checkRecord, isField, isHeaderName } from './check-values.ts';
import type { ContentPart } from './content-part.ts';
import {
  firmNamesIn,
  type NamedPiece,
  namesIn,
  parseTemplate,
  type TemplatePiece,
} from './content-template.ts';
import type { SignatureRule } from './signature-rule.ts';

type SigningRule = Exclude<SignatureRule, { content?: undefined }>;

/** What a text may touch without a literal between: its own length or characters show where it ends. */
const SELF_DELIMITING = new Set(['timestamp', 'method', 'url', 'baseUrl', 'path', 'secret']);
/** What a request may lack. Everything else is always there, or must be. */
const MAY_BE_ABSENT = new Set(['header', 'entry', 'query', 'field', 'formField']);
const MAX_WRITINGS = 4;

/** Refuses content that names what is not declared, leaves out what is, or can be read in two ways. */
export function checkContent(form: SigningRule): void {
  checkRecord('signed.parts', form.parts);
  const parts = form.parts ?? {};
  for (const [name, part] of Object.entries(parts)) checkPart(name, part);
  const templates = typeof form.content === 'string' ? [form.content] : form.content;
  if (!Array.isArray(templates) || templates.length === 0 || templates.length > MAX_WRITINGS)
    throw configError(
      `"signed.content" must be a template such as "{timestamp}.{body}", or up to ${MAX_WRITINGS} of them.`,
    );
  for (const template of templates) checkTemplate(template, form, parts);
  checkUrlRules(form, templates);
}

function checkTemplate(
  template: string,
  form: SigningRule,
  parts: Readonly<Record<string, ContentPart>>,
): void {
  const pieces = parseTemplate(template, Object.keys(parts));
  const names = namesIn(pieces);
  const firm = firmNamesIn(pieces);
  checkNames(names);
  checkBrackets(pieces);
  const count = (name: string) => names.filter((each) => each.name === name).length;
  if (count('body') > 1)
    throw configError(
      '"signed.content" must hold {body} exactly once: its bytes are fed to the hash as they are.',
    );
  if (
    !names.some(
      ({ name }) => !['timestamp', 'id', 'secret', 'method', 'url', 'baseUrl', 'path'].includes(name),
    ) &&
    form.bodyDigest === undefined &&
    count('url') + count('baseUrl') + count('path') === 0
  )
    throw configError(
      '"signed.content" must hold {body} exactly once, or whatever else of the delivery the sender signs.',
    );
  checkHeads(pieces, parts);
  for (const part of ['timestamp', 'id'] as const) {
    const covered = part === 'timestamp' && isCovered(form, firm, parts);
    if (count(part) > 0 && form[part] === undefined) {
      throw configError(
        `"signed.content" holds {${part}}, but "signed.${part}" does not say where it stands.`,
      );
    }
    if (count(part) === 0 && form[part] !== undefined && !covered) {
      throw configError(
        `"signed.${part}" is declared, but "signed.content" does not hold {${part}}: what isn't signed judges nothing.`,
      );
    }
  }
  for (const name of Object.keys(parts)) {
    if (count(name) === 0)
      throw configError(`"signed.parts.${name}" is declared, but "signed.content" does not hold {${name}}.`);
  }
  const hashesSecret = 'hash' in form.algorithm && !('publicKey' in form.algorithm);
  if (hashesSecret !== count('secret') > 0) {
    throw configError(
      hashesSecret
        ? '"signed.content" of a plain hash must hold {secret}: without it anybody could compute it.'
        : '"signed.content" holds {secret}, which only a plain hash ("signed.algorithm.hash") may: an HMAC has it as its key.',
    );
  }
  const { list } = form.signature;
  const items = [
    ...names.flatMap(({ name, of }) => (name === 'entry' ? [of ?? ''] : [])),
    ...Object.values(parts).flatMap((part) =>
      'listedHeaders' in part && 'entry' in part.listedHeaders ? [part.listedHeaders.entry] : [],
    ),
  ];
  if (items.length > 0 && list?.assign === undefined)
    throw configError(
      '"signed.content" names an entry of the signature, which needs a "signed.signature.list" with labels.',
    );
  if (
    form.bodyDigest !== undefined &&
    count('url') + count('path') === 0 &&
    !firm.some(
      ({ name, of }) =>
        (name === 'query' && of === form.bodyDigest?.query) ||
        coversQuery(parts[name], form.bodyDigest?.query ?? ''),
    )
  )
    throw configError(
      '"signed.bodyDigest" must stand in something that "signed.content" holds: {url}, {path} or the parameter itself.',
    );
}

function checkNames(names: readonly NamedPiece[]): void {
  for (const { name, of } of names) {
    if (name === 'header' && !isHeaderName(of))
      throw configError(`"signed.content" names {header:${of}}: headers are written in lower case.`);
    if (name === 'field' && !isField(of))
      throw configError(`"signed.content" names {field:${of}}, which is no dotted path of a JSON field.`);
  }
}

/** Whoever sends a request leaves out what he likes: the rest of a bracket goes with it, and must not be what protects. */
function checkBrackets(pieces: readonly TemplatePiece[]): void {
  for (const piece of pieces) {
    if (!('optional' in piece)) continue;
    for (const { name } of namesIn(piece.optional)) {
      if (!MAY_BE_ABSENT.has(name))
        throw configError(
          `"signed.content" holds {${name}} in brackets, which are for what a request may lack: it would not be signed where something else in them is absent.`,
        );
    }
  }
}

function checkUrlRules(form: SigningRule, templates: readonly string[]): void {
  if (form.url === undefined) return;
  const declared = Object.keys(form.parts ?? {});
  const signed = templates.some((template) =>
    namesIn(parseTemplate(template, declared)).some(({ name }) => ['url', 'baseUrl', 'path'].includes(name)),
  );
  if (!signed)
    throw configError(
      '"signed.url" is declared, but "signed.content" holds no {url}, {baseUrl} or {path}: leave it out.',
    );
}

/** Whether a time that the content doesn't name is signed all the same. */
function isCovered(
  form: SigningRule,
  names: readonly { name: string; of?: string }[],
  parts: Readonly<Record<string, ContentPart>>,
): boolean {
  const { query, header } = form.timestamp ?? {};
  return names.some(({ name, of }) => {
    const part = parts[name];
    if (query !== undefined)
      return (
        name === 'url' || name === 'path' || (name === 'query' && of === query) || coversQuery(part, query)
      );
    return (
      header !== undefined &&
      part !== undefined &&
      'listedHeaders' in part &&
      part.require?.includes(header) === true
    );
  });
}

function coversQuery(part: ContentPart | undefined, query: string): boolean {
  return (
    part !== undefined && 'sorted' in part && part.sorted === 'query' && part.omit?.includes(query) !== true
  );
}

/** Where a text of the request touches the body, or another text, bytes could be moved between the two. */
function checkHeads(pieces: readonly TemplatePiece[], parts: Readonly<Record<string, ContentPart>>): void {
  const isFree = (name: string) =>
    ['id', 'header', 'entry', 'query'].includes(name) || 'listedHeaders' in (parts[name] ?? {});
  const flat = pieces.flatMap((piece) => ('optional' in piece ? [...piece.optional] : [piece]));
  for (const [at, piece] of flat.entries()) {
    const next = flat[at + 1];
    if (!('name' in piece) || next === undefined || !('name' in next)) continue;
    if (SELF_DELIMITING.has(piece.name) || SELF_DELIMITING.has(next.name)) continue;
    const [text, other] = isFree(piece.name) ? [piece.name, next.name] : [next.name, piece.name];
    if (isFree(text) && other === 'body')
      throw configError(
        `"signed.content" needs a literal between {${text}} and {body}: without one, where the ${text} ends is not signed.`,
      );
  }
}
