import type { SharedSecret } from '@countersign/core/extend';
import type { Delivery } from '../delivery.ts';
import type { Probe } from '../probe.ts';
import type { Row } from '../row.ts';

const FIX =
  'Check at start that the secret is set and long enough, and stop if it is not. Look secrets up before you build the key from them.';

/** What a secret becomes if it is missing: in JavaScript, Python, Go and Ruby, in templates and in examples. */
const KEYS: readonly (readonly [name: string, texts: readonly string[], what: string])[] = [
  ['key-empty', [''], 'an empty secret'],
  ['key-undefined', ['undefined'], 'the text "undefined"'],
  ['key-null', ['null'], 'the text "null"'],
  ['key-none', ['None', 'nil', 'NaN', '<nil>'], 'the text "None", "nil", "<nil>" or "NaN"'],
  [
    'key-object',
    ['[object Object]', '{}', '[object Promise]'],
    'the text "[object Object]", "[object Promise]" or "{}"',
  ],
  ['key-whitespace', [' ', '\n'], 'a space or a line break'],
  [
    'key-placeholder',
    [
      'secret',
      'changeme',
      'test',
      'your-secret',
      'your_webhook_secret',
      'your-webhook-secret',
      'whsec_...',
      'whsec_test',
      'whsec_',
      'xxx',
      '...',
    ],
    'a placeholder such as "changeme", "your_webhook_secret" or "whsec_..."',
  ],
];

export const keyRows: readonly Row[] = KEYS.map(
  ([name, texts, what]): Row => ({
    name,
    group: 'keys',
    title: `A delivery that is signed with ${what} is refused`,
    severity: 'critical',
    why: 'If the secret is not configured, for one environment or one tenant, anybody can sign events.',
    fix: FIX,
    countsRuns: true,
    async judge(probe) {
      if ('publicKey' in probe.sender.scheme.definition.secret) return undefined;
      return probe.refused(...texts.flatMap((text) => signedWith(probe, text)));
    },
  }),
);

/** The text as the key itself, and as receivers decode it. */
function signedWith({ sender }: Probe, text: string): Delivery[] {
  const keys = [Buffer.from(text)];
  const format = [sender.scheme.definition.secret].flat().at(-1) as SharedSecret;
  if (format.encoding !== 'utf8')
    keys.push(Buffer.from(text.replace(format.prefix ?? '', ''), format.encoding));
  const distinct = keys.filter((key, at) => keys.findIndex((each) => each.equals(key)) === at);
  return distinct.map((secret) => sender.delivery({ secret }));
}
