import type { Scheme } from '@countersign/core';
import type { CapturedHead } from './captured-request.ts';
import { type Cause, type CauseCode, causeOf, type Finding } from './cause.ts';
import { renamedFinding, renamedHeader } from './header-variants.ts';
import { olderVersionFinding, olderVersions, otherSenderFinding, sendersByHeaders } from './other-senders.ts';
import {
  definitionOf,
  headersOf,
  rulesOfScheme,
  senderName,
  signatureHeaders,
  signedHeaders,
} from './rule-facts.ts';
import { parse } from './trials.ts';

type Rule = ReturnType<typeof rulesOfScheme>[number];

/** Why the head of a request is not what the scheme reads, by what the head itself shows. */
export function headClues(
  head: CapturedHead,
  scheme: Scheme<unknown>,
  schemes: readonly Scheme<unknown>[],
): readonly Cause[] {
  const rules = rulesOfScheme(scheme);
  const rule = rules.find((each) => signatureHeaders(each).some((name) => head.has(name)));
  return rule === undefined ? unsigned(head, scheme, schemes) : malformed(head, scheme, schemes, rule);
}

function clue(
  code: CauseCode,
  certainty: Cause['certainty'],
  message: string,
  evidence: Record<string, string | number> = {},
): Cause {
  return causeOf({ code, message, evidence }, certainty);
}

/** The signature is there, but something else is not as it must be. */
function malformed(
  head: CapturedHead,
  scheme: Scheme<unknown>,
  schemes: readonly Scheme<unknown>[],
  rule: Rule,
): readonly Cause[] {
  const [signature = ''] = signatureHeaders(rule).filter((name) => head.has(name));
  const missing = signedHeaders(rule).find((name) => !head.has(name));
  if (missing !== undefined) return [absent(head, missing)];
  const required = Object.entries(rule.requiredHeaders ?? {}).find(
    ([name, text]) => head.first(name) !== text,
  );
  if (required !== undefined) {
    const [name, text] = required;
    return head.has(name)
      ? [clue('sender-other-version', 'likely', `The header "${name}" is not "${text}".`, { header: name })]
      : [absent(head, name)];
  }
  const names = [signature, ...signedHeaders(rule)];
  const repeated = names.find((name) => head.values(name).length > 1);
  if (repeated !== undefined)
    return [
      clue('header-joined', 'likely', `The request has the header "${repeated}" more than once.`, {
        header: repeated,
        values: head.values(repeated).length,
      }),
    ];
  const shape = signatureShape(head.first(signature) ?? '', rule);
  if (shape !== undefined) {
    // Several senders use one name of a header, each with its own hash function or encoding.
    const others = schemes.filter(
      (other) =>
        other.name !== scheme.name &&
        headersOf(other).includes(signature) &&
        parse(other, head) !== undefined,
    );
    if (others.length === 0) return [causeOf(shape, 'likely')];
    return [causeOf(otherSenderFinding(scheme, others, false), 'possible'), causeOf(shape, 'possible')];
  }
  if (rule.timestamp?.header !== undefined) {
    const text = head.first(rule.timestamp.header) ?? '';
    const isNumber = /^[0-9]+$/.test(text);
    if (isNumber !== ['s', 'ms', 's-or-ms'].includes(rule.timestamp.unit))
      return [
        clue(
          'timestamp-unit',
          'likely',
          `The header "${rule.timestamp.header}" is ${isNumber ? 'a number, but the scheme reads a date' : 'not a number, but the scheme reads one'}.`,
          { header: rule.timestamp.header },
        ),
      ];
  }
  return [
    clue(
      'header-joined',
      'possible',
      `The header "${signature}" is not written as ${senderName(scheme)} writes it, or a header that the signature covers is malformed.`,
      { header: signature },
    ),
  ];
}

function absent(head: CapturedHead, name: string): Cause {
  const arrived = renamedHeader(head, name);
  if (arrived !== undefined) return causeOf(renamedFinding({ name, arrived }), 'likely');
  return clue(
    'header-missing',
    'likely',
    `The header "${name}", which the signature covers, did not arrive.`,
    { header: name },
  );
}

const DIGEST_NAMES: Readonly<Record<number, string>> = {
  16: 'md5',
  20: 'sha1',
  32: 'sha256',
  48: 'sha384',
  64: 'sha512',
};

/** What the text of a signature shows: another encoding, or another length. */
function signatureShape(text: string, { algorithm, signature }: Rule): Finding | undefined {
  if (!('hmac' in algorithm) || signature.encoding === 'text') return undefined;
  const tokens = text.match(/[A-Za-z0-9+/_-]{20,}={0,2}/g) ?? [];
  const token = tokens.sort((a, b) => b.length - a.length)[0];
  if (token === undefined) return undefined;
  const isHex = /^(?:[0-9a-f]{2})+$/i.test(token);
  const bytes = isHex ? token.length / 2 : Buffer.from(token, 'base64').length;
  const hash = DIGEST_NAMES[bytes];
  if (hash === undefined) return undefined;
  if (hash !== algorithm.hmac)
    return {
      code: 'signature-algorithm',
      message: `The signature has ${bytes} bytes, as those made with ${hash} have, but the scheme uses ${algorithm.hmac}.`,
      evidence: { bytes },
    };
  if (isHex === signature.encoding.startsWith('hex')) return undefined;
  const encoding = isHex ? 'hex' : 'base64';
  return {
    code: 'signature-encoding',
    message: `The signature is written as ${encoding}, but the scheme reads ${signature.encoding}.`,
    evidence: { encoding },
  };
}

/** Programs with which people send requests by hand. */
const TOOLS = /\b(?:curl|postman|postmanruntime|insomnia|httpie|wget|hoppscotch|bruno|thunder client)\b/i;

/** No signature is there. */
function unsigned(
  head: CapturedHead,
  scheme: Scheme<unknown>,
  schemes: readonly Scheme<unknown>[],
): readonly Cause[] {
  const rules = rulesOfScheme(scheme);
  const names = [...new Set(rules.flatMap(signatureHeaders))];
  const expected = names[0];
  for (const name of names) {
    const arrived = renamedHeader(head, name);
    if (arrived !== undefined) return [causeOf(renamedFinding({ name, arrived }), 'likely')];
  }
  const older = olderVersions(scheme).find(({ header }) => head.has(header));
  if (older !== undefined) return [causeOf(olderVersionFinding(scheme, older.header), 'likely')];
  const others = sendersByHeaders(head, scheme, schemes);
  if (others.length > 0) return [causeOf(otherSenderFinding(scheme, others, false), 'likely')];
  const query = rules.find(({ signature }) => signature.query !== undefined)?.signature.query;
  if (query !== undefined && !(head.url ?? '').includes('?'))
    return [
      clue(
        'url-query',
        'likely',
        `The signature is the parameter "${query}" of the query, but the verifier got no query.`,
        { parameter: query },
      ),
    ];
  const where = expected === undefined ? 'the signature' : `the header "${expected}"`;
  const evidence = expected === undefined ? {} : { header: expected };
  const sibling = rules.flatMap(signedHeaders).find((name) => head.has(name));
  if (sibling !== undefined)
    return [
      clue('header-missing', 'likely', `The header "${sibling}" arrived, but ${where} did not.`, evidence),
    ];
  const tool = TOOLS.exec(head.first('user-agent') ?? '')?.[0];
  if (tool !== undefined)
    return [
      clue('test-unsigned', 'likely', `The request is not signed: it was made with ${tool.toLowerCase()}.`, {
        tool: tool.toLowerCase(),
      }),
    ];
  const isFromSender = hasMarks(head, scheme);
  const test = clue(
    'test-unsigned',
    'possible',
    isFromSender
      ? `The request is from ${senderName(scheme)}, but not signed: no secret is set there, or it is a test that is never signed.`
      : `The request is not signed: ${where} is not there.`,
    evidence,
  );
  const removed = clue(
    'header-missing',
    'possible',
    `Something in front of the verifier may have removed ${where}.`,
    evidence,
  );
  return [test, removed];
}

/** Whether a request without a signature has other headers of the sender. */
function hasMarks(head: CapturedHead, scheme: Scheme<unknown>): boolean {
  const stem = scheme.name.split('-')[0] ?? scheme.name;
  const labels = Object.values(definitionOf(scheme)?.unsignedHeaders ?? {});
  return (
    labels.some((name) => head.has(name)) ||
    head.pairs.some(([name]) => name.startsWith(`x-${stem}-`) || name.startsWith(`${stem}-`)) ||
    (head.first('user-agent') ?? '').toLowerCase().includes(stem)
  );
}
