import { configError } from '../../util/options.ts';
import {
  firmNamesIn,
  type NamedPiece,
  namesIn,
  parseTemplate,
  type TemplatePiece,
} from '../content/content-template.ts';
import { openBorderOf } from './borders.ts';
import { namesUrl, templatesOf } from './rule-facts.ts';
import { field, header } from './shape.ts';
import type { ContentPart, SignatureRule } from './signature-rule.ts';

const LOCATIONS = ['header', 'numberedHeader', 'query', 'field', 'formField'] as const;

/** Refuses a rule that contradicts itself. */
export function checkRule(rule: SignatureRule): void {
  checkLocation(rule);
  checkList(rule);
  checkTimestamp(rule);
  if (rule.content !== undefined) checkContent(rule);
}

function checkLocation({ signature }: SignatureRule): void {
  const named = LOCATIONS.filter((location) => signature[location] !== undefined);
  if (named.length !== 1)
    throw configError(
      `"signed.signature" must name exactly one place of the signature: ${LOCATIONS.map((each) => `"${each}"`).join(', ')}.`,
    );
  if (signature.repeated !== undefined && signature.header === undefined)
    throw configError(
      '"signed.signature.repeated" is for a "header" that the sender may send several times.',
    );
}

function checkList({ signature, keyId }: SignatureRule): void {
  const { list, prefix } = signature;
  if (list === undefined) return;
  if (prefix !== undefined)
    throw configError(
      '"signed.signature" must have "prefix" or "list", not both: the label is the prefix of an entry.',
    );
  const { separator, assign, label, groups, blanks, keyIds } = list;
  if (assign === separator || (groups !== undefined && (groups === separator || groups === assign)))
    throw configError(
      '"signed.signature.list" needs an "assign" that differs from its "separator", and "groups" that differ from both.',
    );
  if (blanks === true && (separator === ' ' || groups === ' '))
    throw configError('"signed.signature.list.blanks" has no meaning if a space separates entries.');
  if (keyIds === true && (label !== undefined || assign === undefined))
    throw configError('"signed.signature.list.keyIds" needs an "assign" and takes the place of "label".');
  if (keyIds !== true && (label === undefined) !== (assign === undefined))
    throw configError('"signed.signature.list" must have "label" and "assign" together, or neither.');
  if (keyIds === true && keyId !== undefined)
    throw configError(
      '"signed.keyId" and "signed.signature.list.keyIds" both name the key: use one of them.',
    );
}

function checkTimestamp({ timestamp, signature }: SignatureRule): void {
  if (timestamp === undefined) return;
  const { header, entry, query } = timestamp;
  if (header === undefined && entry === undefined && query === undefined)
    throw configError(
      '"signed.timestamp" must name a "header", an "entry" of the signature\'s list, or both, or a "query" parameter.',
    );
  if (query !== undefined && (header !== undefined || entry !== undefined))
    throw configError('"signed.timestamp.query" excludes "header" and "entry".');
  if (entry === undefined) return;
  const { list } = signature;
  if (typeof entry === 'number') {
    if (list === undefined || list.label !== undefined || header !== undefined)
      throw configError(
        '"signed.timestamp.entry" as a position needs a "signed.signature.list" without labels.',
      );
  } else if (list?.assign === undefined)
    throw configError('"signed.timestamp.entry" needs a "signed.signature.list" with labels.');
  else if (list.label === entry)
    throw configError('"signed.timestamp.entry" is the label of the signature itself.');
  if (
    signature.numberedHeader !== undefined ||
    (Array.isArray(signature.header) && signature.header.length > 1)
  )
    throw configError(
      '"signed.timestamp.entry" needs one signature header: with several it is not clear which of them contains the time.',
    );
}

type SigningRule = Exclude<SignatureRule, { content?: undefined }>;
type Parts = Readonly<Record<string, ContentPart>>;

/** Parts that a request may leave out. All other parts are always there, or must be. */
const MAY_BE_ABSENT = new Set(['header', 'entry', 'query', 'lowerQuery', 'field', 'formField']);
/** Parts without data of the delivery: they are the same in every delivery, or only identify it. */
const NOT_OF_A_DELIVERY = ['timestamp', 'id', 'secret', 'method'];
const MAX_TEMPLATES = 4;

/** Refuses content that names undeclared parts, leaves out declared ones, or can be read in two ways. */
function checkContent(rule: SigningRule): void {
  for (const [name, part] of Object.entries(rule.parts ?? {})) checkPart(`signed.parts.${name}`, part);
  const templates = templatesOf(rule);
  if (templates.length > MAX_TEMPLATES)
    throw configError(
      `"signed.content" must be a template such as "{timestamp}.{body}", or up to ${MAX_TEMPLATES} of them.`,
    );
  for (const template of templates) checkTemplate(template, rule, rule.parts ?? {});
  if (rule.url !== undefined && !namesUrl(rule))
    throw configError(
      '"signed.url" is declared, but "signed.content" contains no {url}, {baseUrl} or {path}: leave it out.',
    );
  checkBorders(rule, templates);
}

function checkPart(name: string, part: ContentPart): void {
  if ('fields' in part) {
    const { fields, fieldContainingJoin: given } = part;
    const named =
      typeof given === 'object' ? [...Object.values(given.values), given.otherwise] : [given ?? fields[0]];
    if (!named.every((each) => fields.includes(each)))
      throw configError(`"${name}.fieldContainingJoin" must be one of its fields.`);
    if (typeof given === 'object' && named.some((each) => fields.indexOf(each) >= fields.indexOf(given.by)))
      throw configError(
        `"${name}.fieldContainingJoin.by" must be one of its fields, and come after those that it chooses.`,
      );
  }
  if (!('listedHeaders' in part)) return;
  const { allow, require: required = [], joinCounts = {} } = part;
  if (required.some((each) => !allow.includes(each)))
    throw configError(`"${name}.require" names a header that "allow" does not.`);
  for (const each of Object.keys(joinCounts))
    if (!allow.includes(each))
      throw configError(`"${name}.joinCounts" names the header "${each}", which "allow" does not.`);
}

function checkTemplate(template: string, rule: SigningRule, parts: Parts): void {
  const pieces = parseTemplate(template, Object.keys(parts));
  const names = namesIn(pieces);
  const firm = firmNamesIn(pieces);
  checkNames(names);
  checkBrackets(pieces);
  const count = (name: string) => names.filter((each) => each.name === name).length;
  if (count('body') > 1 || names.every(({ name }) => NOT_OF_A_DELIVERY.includes(name)))
    throw configError(
      '"signed.content" must contain {body} exactly once, or another part of the delivery that the sender signs.',
    );
  for (const part of ['timestamp', 'id'] as const) {
    const isCovered = part === 'timestamp' && coversTime(rule, firm, parts);
    if (count(part) > 0 && rule[part] === undefined)
      throw configError(
        `"signed.content" contains {${part}}, but "signed.${part}" does not say where it is found.`,
      );
    if (count(part) === 0 && rule[part] !== undefined && !isCovered)
      throw configError(
        `"signed.${part}" is declared, but "signed.content" does not contain {${part}}: an unsigned value can't be trusted.`,
      );
  }
  for (const name of Object.keys(parts))
    if (count(name) === 0)
      throw configError(
        `"signed.parts.${name}" is declared, but "signed.content" does not contain {${name}}.`,
      );
  checkSecret(rule, count('secret'));
  checkEntries(rule, names, parts);
  checkBodyDigest(rule, firm, parts);
}

function checkSecret({ algorithm }: SigningRule, count: number): void {
  const hashesSecret = 'hash' in algorithm && !('publicKey' in algorithm);
  if (hashesSecret === count > 0) return;
  throw configError(
    hashesSecret
      ? '"signed.content" of a plain hash must contain {secret}: without it, every caller could compute the hash.'
      : '"signed.content" contains {secret}, which is only for a plain hash ("signed.algorithm.hash"): the secret is the key of an HMAC.',
  );
}

function checkEntries({ signature }: SigningRule, names: readonly NamedPiece[], parts: Parts): void {
  const usesEntries =
    names.some(({ name }) => name === 'entry') ||
    Object.values(parts).some((part) => 'listedHeaders' in part && 'entry' in part.listedHeaders);
  if (usesEntries && signature.list?.assign === undefined)
    throw configError(
      '"signed.content" names an entry of the signature, which needs a "signed.signature.list" with labels.',
    );
}

function checkBodyDigest({ bodyDigest }: SigningRule, firm: readonly NamedPiece[], parts: Parts): void {
  if (bodyDigest === undefined) return;
  const { query } = bodyDigest;
  const isSigned = firm.some(
    ({ name, of }) =>
      name === 'url' ||
      name === 'path' ||
      (name === 'query' && of === query) ||
      coversQuery(parts[name], query),
  );
  if (!isSigned)
    throw configError(
      '"signed.bodyDigest" must be in something that "signed.content" contains: {url}, {path} or the parameter itself.',
    );
}

function checkNames(names: readonly NamedPiece[]): void {
  for (const { name, of } of names) {
    if (name === 'header') header(of, 'signed.content');
    if (name === 'field') field(of, 'signed.content');
  }
}

/** An attacker can leave out an optional part, and its whole bracket goes with it. So no bracket may contain a part that protects. */
function checkBrackets(pieces: readonly TemplatePiece[]): void {
  for (const piece of pieces) {
    if (!('optional' in piece)) continue;
    for (const { name } of namesIn(piece.optional)) {
      if (!MAY_BE_ABSENT.has(name))
        throw configError(
          `"signed.content" contains {${name}} in brackets, but brackets are for parts that a request may leave out: if another part in them is absent, {${name}} is not signed. Move it out of the brackets.`,
        );
    }
  }
}

function checkBorders(rule: SigningRule, templates: readonly string[]): void {
  const open = templates.map((template) => openBorderOf(template, rule)).find((each) => each !== undefined);
  if (open !== undefined && rule.safeBecause === undefined)
    throw configError(
      `"signed.content" needs a literal between ${open.before} and ${open.after}: the signature does not show where the first ends, so an attacker could move text to the other. If the sender signs it like that, state in "signed.safeBecause" what limits the damage.`,
    );
  if (open === undefined && rule.safeBecause !== undefined)
    throw configError(
      '"signed.safeBecause" is declared, but "signed.content" shows where every part ends: leave it out.',
    );
}

/** Whether the timestamp is signed although the content does not name it. */
function coversTime({ timestamp }: SigningRule, names: readonly NamedPiece[], parts: Parts): boolean {
  const { query, header: name } = timestamp ?? {};
  return names.some((piece) => {
    const part = parts[piece.name];
    if (query !== undefined)
      return (
        piece.name === 'url' ||
        piece.name === 'path' ||
        (piece.name === 'query' && piece.of === query) ||
        coversQuery(part, query)
      );
    return (
      name !== undefined &&
      part !== undefined &&
      'listedHeaders' in part &&
      part.require?.includes(name) === true
    );
  });
}

function coversQuery(part: ContentPart | undefined, query: string): boolean {
  return (
    part !== undefined && 'sorted' in part && part.sorted === 'query' && part.omit?.includes(query) !== true
  );
}
