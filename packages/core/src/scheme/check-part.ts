import { checkKeys, configError } from '../util/options.ts';
import { checkField, checkHeader, checkOneOf, checkText, checkTexts } from './check-values.ts';
import type { ContentPart } from './content-part.ts';
import { isOwnPart } from './content-template.ts';

const PART_NAME = /^[a-z][A-Za-z0-9]{0,31}$/;

/** Refuses a part that contradicts itself, or hides one of the language. */
export function checkPart(name: string, part: ContentPart): void {
  const where = `signed.parts.${name}`;
  if (!PART_NAME.test(name)) throw configError(`"${where}" must be called by a word in camel case.`);
  if (isOwnPart(name))
    throw configError(`"${where}" is called like a part of the language: call it otherwise.`);
  if (part === null || typeof part !== 'object') throw configError(`"${where}" must say what it is.`);
  if ('digest' in part) {
    checkKeys(`"${where}"`, part, ['digest', 'encoding']);
    checkOneOf(`${where}.digest`, part.digest, ['md5', 'sha1', 'sha256', 'sha384', 'sha512']);
    checkOneOf(`${where}.encoding`, part.encoding, ['hex', 'base64', 'base64url', 'binary']);
  } else if ('sorted' in part) {
    checkKeys(`"${where}"`, part, ['sorted', 'pair', 'join', 'omit', 'unique', 'text', 'replace']);
    checkOneOf(`${where}.sorted`, part.sorted, ['query', 'form']);
    checkPair(`${where}.pair`, part.pair);
    checkOneOf(`${where}.text`, part.text ?? 'decoded', ['decoded', 'as-received']);
    if (part.join !== undefined) checkJoin(where, part.join);
    checkTexts(`${where}.omit`, part.omit);
    if (part.replace !== undefined) {
      checkKeys(`"${where}.replace"`, part.replace, ['characters', 'with']);
      checkText(`${where}.replace.characters`, part.replace.characters);
      if (typeof part.replace.with !== 'string')
        throw configError(`"${where}.replace.with" must be text; "" removes the characters.`);
    }
  } else if ('fields' in part) {
    checkKeys(`"${where}"`, part, ['fields', 'join', 'fieldContainingJoin']);
    if (!Array.isArray(part.fields) || part.fields.length === 0)
      throw configError(`"${where}.fields" must list fields of the JSON body.`);
    if (part.fieldContainingJoin !== undefined && !part.fields.includes(part.fieldContainingJoin))
      throw configError(`"${where}.fieldContainingJoin" must be one of its fields.`);
    for (const field of part.fields) checkField(`${where}.fields`, field);
    checkJoin(where, part.join);
  } else {
    checkKeys(`"${where}"`, part, [
      'listedHeaders',
      'separator',
      'pair',
      'join',
      'allow',
      'require',
      'joinCounts',
    ]);
    const { listedHeaders, allow, require: required = [], joinCounts = {} } = part;
    checkKeys(`"${where}.listedHeaders"`, listedHeaders, ['entry', 'header']);
    if ('header' in listedHeaders && 'entry' in listedHeaders)
      throw configError(`"${where}.listedHeaders" takes either "entry" or "header".`);
    if ('header' in listedHeaders) checkHeader(`${where}.listedHeaders.header`, listedHeaders.header);
    else checkText(`${where}.listedHeaders.entry`, listedHeaders.entry);
    checkText(`${where}.separator`, part.separator);
    checkPair(`${where}.pair`, part.pair);
    checkText(`${where}.join`, part.join);
    checkTexts(`${where}.require`, part.require);
    if (!Array.isArray(allow) || allow.length === 0)
      throw configError(
        `"${where}.allow" must list the headers that may be signed: the request does not decide that.`,
      );
    for (const header of [...allow, ...required]) checkHeader(`${where}.allow`, header);
    if (required.some((header) => !allow.includes(header)))
      throw configError(`"${where}.require" names a header that "allow" does not.`);
    for (const [header, times] of Object.entries(joinCounts)) {
      if (!allow.includes(header))
        throw configError(`"${where}.joinCounts" names the header "${header}", which "allow" does not.`);
      if (!Number.isInteger(times) || times < 0)
        throw configError(`"${where}.joinCounts.${header}" must be a whole number, 0 or more.`);
    }
  }
}

function checkPair(name: string, pair: unknown): void {
  checkText(name, pair);
  if (!String(pair).includes('{value}')) throw configError(`"${name}" must hold {value}.`);
  const [unknown] = String(pair).match(/\{(?!name\}|value\})[^{}]*\}/) ?? [];
  if (unknown !== undefined)
    throw configError(`"${name}" holds ${unknown}, which does not exist: a pair has {name} and {value}.`);
}

function checkJoin(where: string, join: unknown): void {
  if (typeof join !== 'string') throw configError(`"${where}.join" must be text.`);
}
