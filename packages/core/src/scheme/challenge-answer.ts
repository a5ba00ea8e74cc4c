import { CHARACTERS } from './handshake.ts';
import type { Message } from './message.ts';
import { handshakesOf } from './rule-facts.ts';
import type { SchemeDefinition } from './scheme-definition.ts';

/**
 * Makes the test whether signed content is what an unsigned handshake signs for anybody who asks: then its signature proves nothing.
 * `undefined` where no handshake signs such content. No sender's delivery is a bare challenge.
 */
export function compileAnswerTest(
  definition: Pick<SchemeDefinition, 'handshake'>,
): ((content: Message) => boolean) | undefined {
  const tests = handshakesOf(definition).flatMap(({ signed, challenge, mac }) => {
    const over = mac?.over ?? '{challenge}';
    // Content that holds the secret, or an address behind it, is no other content.
    if (signed || challenge === undefined || mac === undefined || /\{(?:secret|url)\}/.test(over)) return [];
    const [before = '', after = ''] = over.split('{challenge}');
    const { maxLength, characters } = challenge;
    return [{ before, after, maxLength, characters: CHARACTERS[characters] }];
  });
  if (tests.length === 0) return undefined;
  const longest = Math.max(
    ...tests.map(({ before, after, maxLength }) => maxLength + before.length + after.length),
  );
  return (content) => {
    const text = shortText(content, longest);
    return (
      text !== undefined &&
      tests.some(
        ({ before, after, maxLength, characters }) =>
          text.length > before.length + after.length &&
          text.length <= before.length + maxLength + after.length &&
          text.startsWith(before) &&
          text.endsWith(after) &&
          characters.test(text.slice(before.length, text.length - after.length)),
      )
    );
  };
}

/** The content as text, or `undefined` where it is longer. */
function shortText(content: Message, longest: number): string | undefined {
  let text = '';
  let length = 0;
  content.feed({
    update(data: Uint8Array | string) {
      length += data.length;
      if (length <= longest) text += typeof data === 'string' ? data : Buffer.from(data).toString('latin1');
    },
  });
  return length <= longest ? text : undefined;
}
