import { isUtf8 } from 'node:buffer';
import type { Scheme } from '@countersign/core';
import type { CapturedHead } from './captured-request.ts';
import { type Cause, type CauseCode, causeOf } from './cause.ts';
import { rulesOfScheme, signsOfBody } from './rule-facts.ts';
import { MAX_VARIED_BYTES } from './trials.ts';

const REPLACEMENT = Buffer.from('\ufffd', 'utf8');

/** What a body that no variant explains shows by itself. */
export function bodyClues(body: Buffer, head: CapturedHead, scheme: Scheme<unknown>): readonly Cause[] {
  const rules = rulesOfScheme(scheme);
  if (rules.length > 0 && !rules.some(signsOfBody)) return [];
  const announced = contentLength(head);
  const clue = (code: CauseCode, certainty: Cause['certainty'], message: string): Cause =>
    causeOf(
      {
        code,
        message,
        evidence: {
          bodyBytes: body.length,
          ...(announced === undefined ? {} : { contentLength: announced }),
        },
      },
      certainty,
    );
  if (body.length === 0) {
    const isAnnounced = (announced ?? 0) > 0 || (announced === undefined && head.has('content-type'));
    const how = head.method === 'GET' ? 'a redirect turned the POST into a GET' : 'something read it first';
    return [
      clue('body-empty', isAnnounced ? 'likely' : 'possible', `The verifier got an empty body: ${how}.`),
    ];
  }
  const text = body.subarray(0, MAX_VARIED_BYTES).toString('latin1');
  if (/^\[object \w+\]$/.test(text))
    return [
      clue(
        'body-reserialized',
        'likely',
        'The body is "[object Object]": the parsed body was handed in, and turned into text.',
      ),
    ];
  if (body.length <= MAX_VARIED_BYTES && isCutJson(text))
    return [
      clue(
        'body-truncated',
        'likely',
        `The JSON of the body ends in the middle, after ${body.length} bytes.`,
      ),
    ];
  const hasReplacements = body.includes(REPLACEMENT);
  const isChanged = announced !== undefined && announced !== body.length;
  if (hasReplacements)
    return [
      clue(
        'body-charset',
        isChanged ? 'likely' : 'possible',
        "The body contains U+FFFD, which decoders write for bytes that they can't read: it was decoded to text, and bytes were lost.",
      ),
    ];
  if (!isChanged) return formClues(text, scheme, clue);
  return [
    clue(
      'body-reserialized',
      'possible',
      `"Content-Length" announces ${announced} bytes, but ${body.length} were verified: the body was changed on the way.`,
    ),
  ];
}

function contentLength(head: CapturedHead): number | undefined {
  const text = head.first('content-length') ?? '';
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Whether a text begins as JSON and ends before its last bracket. */
function isCutJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
      if (at >= text.length) return true;
    } else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
  }
  return depth > 0;
}

type Clue = (code: CauseCode, certainty: Cause['certainty'], message: string) => Cause;

/** Senders that sign fields need the kind of body that has them. */
function formClues(text: string, scheme: Scheme<unknown>, clue: Clue): readonly Cause[] {
  const isJson = /^\s*[[{]/.test(text);
  const wantsForm = rulesOfScheme(scheme).some(
    ({ signature, content, parts }) =>
      signature.formField !== undefined ||
      [content ?? []].flat().some((template) => template.includes('{formField:')) ||
      Object.values(parts ?? {}).some((part) => 'sorted' in part && part.sorted === 'form'),
  );
  if (wantsForm && isJson)
    return [
      clue('body-form-encoded', 'likely', 'This sender signs the fields of a form, but the body is JSON.'),
    ];
  const wantsJson = rulesOfScheme(scheme).some(({ signature }) => signature.field !== undefined);
  if (wantsJson && !isJson && isUtf8(Buffer.from(text, 'latin1')) && /^[^\s=]+=/.test(text))
    return [clue('body-form-encoded', 'likely', 'This sender signs fields of JSON, but the body is a form.')];
  return [];
}
