import { configError } from '../../util/options.ts';
import { checkContent } from './check-content.ts';
import type { SignatureRule } from './signature-rule.ts';

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
      `"signed.signature" must say in one way where the signature is: ${LOCATIONS.map((each) => `"${each}"`).join(', ')}.`,
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
