import { type Delivery, withHeader } from '../delivery.ts';
import type { Probe } from '../probe.ts';
import type { Row } from '../row.ts';
import { headerNames, withLabel, withMac, withSignature } from '../signature-text.ts';

const WHY =
  'An error of the server makes the sender retry a request that can never succeed, fills logs and alarms, and lets anybody take an instance out of a load balancer.';
const LENGTHS =
  'Compare lengths before timingSafeEqual(), which throws if they differ, or catch what the verification throws and respond with 401.';

export const malformedRows: readonly Row[] = [
  malformed('short-signature', 'A signature that is too short', LENGTHS, (probe) => [
    changed(probe, (mac) => mac.slice(0, Math.floor(mac.length / 4) * 2)),
    changed(probe, () => 'x'),
  ]),
  malformed('long-signature', 'A signature that is too long', LENGTHS, (probe) => [
    changed(probe, (mac) => mac + mac),
  ]),
  malformed(
    'odd-signature',
    'A signature with characters that do not belong there',
    'Check that the signature has the right length and characters before you decode or compare it.',
    (probe) => [
      changed(probe, (mac) => 'z'.repeat(mac.length)),
      changed(probe, (mac) => '%'.repeat(mac.length)),
      changed(probe, (mac) => `${mac.slice(0, -4)}====`),
    ],
  ),
  malformed(
    'non-ascii-signature',
    'A signature with letters that are not ASCII',
    'Compare the lengths of the two buffers, not of the two texts: a letter may be several bytes.',
    (probe) =>
      headerNames(probe.sender.rule).length === 0 ? [] : [changed(probe, (mac) => 'é'.repeat(mac.length))],
  ),
  malformed('huge-signature', 'A signature of 5,000 characters', LENGTHS, (probe) => [
    changed(probe, () => 'a'.repeat(5_000)),
  ]),
  malformed(
    'unknown-version',
    'A signature of another version or algorithm',
    'Fix the algorithm in your code. Never take it from the request, and refuse what you do not know.',
    (probe) => {
      const delivery = forgedDelivery(probe);
      return [withLabel(delivery, probe.sender.rule, 'x9'), withLabel(delivery, probe.sender.rule, 'none')];
    },
  ),
  malformed(
    'repeated-signature',
    'A signature header that is there twice',
    'Refuse a signature header that is repeated, or compare each of its values.',
    (probe) => {
      const [name] = headerNames(probe.sender.rule);
      return name === undefined ? [] : [withHeader(forgedDelivery(probe), name, (value) => [value, value])];
    },
  ),
  malformed(
    'odd-time',
    'A time that is not a number',
    'Refuse a time that is not a number of the right length: a comparison with NaN is never true, so that it passes.',
    oddTimes,
  ),
];

/** Whoever sends these has no secret. */
function forgedDelivery({ sender }: Probe): Delivery {
  return sender.delivery({ secret: sender.foreignSecret });
}

function changed(probe: Probe, change: (mac: string) => string): Delivery {
  return withMac(forgedDelivery(probe), probe.sender.rule, change);
}

function oddTimes(probe: Probe): Delivery[] {
  const { timestamp } = probe.sender.rule;
  if (timestamp === undefined) return [];
  return ['abc', '', '9'.repeat(30), '-1'].map((text) => {
    const delivery = forgedDelivery(probe);
    if (timestamp.header !== undefined) return withHeader(delivery, timestamp.header, () => text);
    return withSignature(delivery, probe.sender.rule, (value) => value.replace(/\d{9,}/, text));
  });
}

function malformed(
  name: string,
  what: string,
  fix: string,
  make: (probe: Probe) => readonly (Delivery | undefined)[],
): Row {
  return {
    name,
    group: 'malformed',
    title: `${what} is refused with 4xx, and not with 500`,
    severity: 'medium',
    why: WHY,
    fix,
    countsRuns: true,
    judge: (probe) => probe.refusedCleanly(...make(probe)),
  };
}
