import { type Delivery, type Pair, withBody, withHeader } from '../delivery.ts';
import { objectIn } from '../json-body.ts';
import { ORDINARY, type Probe } from '../probe.ts';
import type { Row } from '../row.ts';
import { spaced } from '../sample-body.ts';
import { withMac, withSignature } from '../signature-text.ts';

const ANYBODY = 'Anybody who knows the URL can make up events.';
const COVER = 'Someone who saw one delivery can change it.';
const VERIFY =
  'Verify every request before the handler runs, and stop if it fails: in middleware that no route can bypass.';
const RAW =
  'Sign exactly what the sender signs: the raw body, and each signed header, joined as its documentation says.';

type Forge = (probe: Probe) => readonly (Delivery | undefined)[];
type Texts = Pick<Row, 'title' | 'severity' | 'why' | 'fix'>;

export const forgedRows: readonly Row[] = [
  forged('other-secret', ({ sender }) => [sender.delivery({ secret: sender.foreignSecret })], {
    title: 'A delivery that is signed with another secret is refused',
    severity: 'critical',
    why: ANYBODY,
    fix: `${VERIFY} Look at the result of the verification: a function that returns false or a promise must not be ignored.`,
  }),
  forged('altered-byte', ({ sender }) => [alteredByte(sender.delivery())], {
    title: 'A delivery with one changed byte in its body is refused',
    severity: 'critical',
    why: COVER,
    fix: RAW,
  }),
  forged('unsigned', unsigned, {
    title: 'A delivery without a signature is refused',
    severity: 'critical',
    why: ANYBODY,
    fix: VERIFY,
  }),
  forged('empty-signature', ({ sender }) => [withSignature(sender.delivery(), sender.rule, () => '')], {
    title: 'A delivery with an empty signature is refused',
    severity: 'critical',
    why: ANYBODY,
    fix: 'Treat an empty signature like a missing one. Never skip the verification because a value is empty.',
  }),
  forged(
    'altered-spacing',
    ({ sender }) => [alteredSpacing(sender.delivery()), withMore(sender.delivery(), '\n')],
    {
      title: 'A delivery whose body has other white space than was signed is refused',
      severity: 'medium',
      why: 'The receiver does not verify the bytes that came, but others that it writes itself.',
      fix: 'Verify the raw body before anything parses it.',
    },
  ),
  forged('altered-key-order', ({ sender }) => [reordered(sender.delivery())], {
    title: 'A delivery whose body has another order of keys than was signed is refused',
    severity: 'medium',
    why: 'The receiver does not verify the bytes that came, but others that it writes itself.',
    fix: 'Verify the raw body before anything parses it.',
  }),
  forged('altered-time', alteredTime, {
    title: 'A delivery whose signed time was changed is refused',
    severity: 'critical',
    why: 'A captured delivery never becomes too old: it can be sent again at any time.',
    fix: 'Include the time in what you sign, exactly as the sender wrote it.',
  }),
  forged('altered-id', ({ sender }) => alteredHeaders(sender.delivery(), idHeaders(sender.rule.id?.header)), {
    title: 'A delivery whose signed id was changed is refused',
    severity: 'critical',
    why: 'A captured delivery can be sent again under a new id, and runs again.',
    fix: 'Include the id in what you sign, exactly as the sender wrote it.',
  }),
  forged('missing-signed-header', missingHeaders, {
    title: 'A delivery without its signed time or id is refused',
    severity: 'high',
    why: 'A check that is skipped if a header is missing protects nobody.',
    fix: 'Refuse a request that lacks one of the signed headers.',
  }),
  forged('other-delivery', ({ sender }) => [swapped(sender.delivery(), sender.delivery())], {
    title: 'A body with the signature of another genuine delivery is refused',
    severity: 'critical',
    why: COVER,
    fix: RAW,
  }),
  forged('altered-query', ({ sender }) => [withQuery(sender.delivery())], {
    title: 'A delivery with another query than was signed is refused',
    severity: 'high',
    why: 'This sender signs the URL. Someone who saw one delivery can change its parameters.',
    fix: 'Verify the URL with its query, as the sender wrote it.',
  }),
  forged('other-url', otherUrl, {
    title: 'A delivery that was signed for another URL is refused, even if its headers name that URL',
    severity: 'high',
    why: 'A delivery for another endpoint can be sent to this one. Headers such as X-Forwarded-Host can be written by anybody.',
    fix: 'Take the URL from your configuration, never from the headers of the request.',
  }),
  forged(
    'signature-start',
    ({ sender }) =>
      [8, 1].map((length) => withMac(sender.delivery(), sender.rule, (mac) => mac.slice(0, length))),
    {
      title: 'The first characters of the right signature are not enough',
      severity: 'critical',
      why: 'A signature that is compared only as far as it goes can be guessed, character by character.',
      fix: 'Compare the whole signature, and refuse any other length.',
    },
  ),
  forged(
    'signature-longer',
    ({ sender }) => [
      withMac(sender.delivery(), sender.rule, (mac) => mac.replace(/=*$/, (padding) => `0000${padding}`)),
    ],
    {
      title: 'The right signature with more characters behind it is refused',
      severity: 'medium',
      why: 'A receiver that compares only a part of the signature can be deceived.',
      fix: 'Compare the whole signature, and refuse any other length.',
    },
  ),
];

function forged(name: string, forge: Forge, texts: Texts): Row {
  return {
    name,
    group: 'forged',
    ...texts,
    countsRuns: true,
    async judge(probe) {
      const needsGenuine = !['unsigned', 'empty-signature', 'other-secret'].includes(name);
      if (needsGenuine && !probe.sender.canSign) return probe.noGenuine;
      return ORDINARY.includes(name) ? probe.refused(...forge(probe)) : probe.refusedCleanly(...forge(probe));
    },
  };
}

/** What is left of a delivery without its signature, wherever that is. */
function unsigned({ sender }: Probe): Delivery[] {
  const stripped = withSignature(sender.delivery(), sender.rule, () => undefined);
  return [sender.unsigned(stripped.body)];
}

/** Changes a letter or digit, so that the body stays of its kind. */
function alteredByte(delivery: Delivery): Delivery {
  const body = Buffer.from(delivery.body);
  // The last letter or digit of the sample: neither an id nor a time.
  for (let at = body.length - 1; at >= 0; at--) {
    const byte = body[at] ?? 0;
    if (byte < 0x30 || byte > 0x7a || !/[a-z0-9]/i.test(String.fromCharCode(byte))) continue;
    body[at] = byte === 0x31 ? 0x32 : /\d/.test(String.fromCharCode(byte)) ? 0x31 : byte ^ 0x20;
    break;
  }
  return withBody(delivery, body);
}

function alteredSpacing(delivery: Delivery): Delivery | undefined {
  const json = objectIn(delivery.body);
  if (json === undefined) return undefined;
  const compact = JSON.stringify(json);
  return withBody(delivery, delivery.body.toString('utf8') === compact ? spaced(json) : compact);
}

function withMore(delivery: Delivery, more: string): Delivery | undefined {
  return objectIn(delivery.body) === undefined
    ? undefined
    : withBody(delivery, `${delivery.body.toString('utf8')}${more}`);
}

function reordered(delivery: Delivery): Delivery | undefined {
  const json = objectIn(delivery.body);
  if (json === undefined || Object.keys(json).length < 2) return undefined;
  const turned = Object.fromEntries(Object.entries(json).reverse());
  const isCompact = delivery.body.toString('utf8') === JSON.stringify(json);
  return withBody(delivery, isCompact ? JSON.stringify(turned) : spaced(turned));
}

function alteredTime({ sender }: Probe): Delivery[] {
  const { timestamp } = sender.rule;
  const delivery = sender.delivery({ ageSeconds: 10 });
  if (timestamp === undefined) return [];
  const later = sender.delivery({ ageSeconds: 5 });
  const text = timeText(later, timestamp.header);
  if (timestamp.header !== undefined && text !== undefined)
    return [withHeader(delivery, timestamp.header, () => text)];
  if (typeof timestamp.entry !== 'string') return [];
  // The time is the run of digits that both share but for its end.
  return [
    withSignature(delivery, sender.rule, (value) =>
      value.replace(/\d{9,}/, (digits) => String(BigInt(digits) + (digits.length > 11 ? 5_000n : 5n))),
    ),
  ];
}

function timeText(delivery: Delivery, header: string | undefined): string | undefined {
  return delivery.headers.find(([name]) => name === header)?.[1];
}

function idHeaders(header: string | undefined): readonly string[] {
  return header === undefined ? [] : [header];
}

function alteredHeaders(delivery: Delivery, names: readonly string[]): Delivery[] {
  return names.map((name) =>
    withHeader(delivery, name, (value) => `${value.slice(0, -1)}${value.endsWith('0') ? '1' : '0'}`),
  );
}

function missingHeaders({ sender }: Probe): Delivery[] {
  const { id, timestamp } = sender.rule;
  const names = [id?.header, timestamp?.header].filter((name) => name !== undefined);
  return names.map((name) => withHeader(sender.delivery(), name, () => undefined));
}

function swapped(one: Delivery, other: Delivery): Delivery {
  return { ...one, body: other.body };
}

function withQuery(delivery: Delivery): Delivery {
  const added: Pair = ['added', '1'];
  return { ...delivery, query: [...delivery.query, added] };
}

function otherUrl({ sender, target }: Probe): Delivery[] {
  if (!sender.scheme.needsPublicUrl) return [];
  const delivery = sender.delivery({ url: `https://other.example${target.url.pathname}` });
  const spoofed: Pair[] = [
    ['x-forwarded-host', 'other.example'],
    ['x-forwarded-proto', 'https'],
  ];
  return [{ ...delivery, headers: [...delivery.headers, ...spoofed] }];
}
