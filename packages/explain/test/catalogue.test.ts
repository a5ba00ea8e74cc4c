import type { DefinedScheme } from '@countersign/core';
import { type ExplainOptions, type Explanation, explain } from '@countersign/explain';
import { generateSigningKeys, type SigningKeys, sign } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { CATALOGUE, type Listed } from '../../../test/support/catalogue.ts';
import { countOwnTimeOnly } from '../../../test/support/own-time.ts';

countOwnTimeOnly();

const NOW = 1_763_600_000;
const BODY = '{"id":"evt_1","text":"größer"}';

/** A request of a sender of the catalogue, and the setup that accepts it. */
function delivered({ scheme, entry }: Listed, keys: SigningKeys): ExplainOptions {
  const url = entry?.url ?? 'https://hooks.example.com/in';
  const signed = sign(scheme, {
    secret: keys.signingSecret,
    body: entry?.body ?? bodyWithTime(scheme),
    timestamp: NOW,
    url,
    ...(entry?.method === undefined ? {} : { method: entry.method }),
  });
  return {
    scheme,
    secrets: keys.secret,
    publicUrl: url,
    request: {
      method: entry?.method ?? 'POST',
      url: (signed.url ?? url).slice(new URL(url).origin.length),
      headers: signed.headers,
      body: signed.body,
    },
    receivedAt: new Date((NOW + 1) * 1000),
  };
}

/** Some senders sign the time only in the body. */
function bodyWithTime({ definition: { bodyTimestamp } }: DefinedScheme): string {
  if (bodyTimestamp?.field === undefined) return BODY;
  const time =
    bodyTimestamp.unit === 'iso'
      ? new Date(NOW * 1000).toISOString()
      : NOW * (bodyTimestamp.unit === 'ms' ? 1000 : 1);
  return JSON.stringify({ ...JSON.parse(BODY), [bodyTimestamp.field]: time });
}

const told = ({ causes }: Explanation) => causes.map(({ code, certainty }) => `${code} ${certainty}`);
const isShared = ({ definition }: DefinedScheme) => !('publicKey' in definition.secret);

describe.each(CATALOGUE.map((listed) => [listed.name, listed] as const))('%s', (_, listed) => {
  const keys = generateSigningKeys(listed.scheme);

  test('a genuine request is accepted', async () => {
    const explanation = await explain(delivered(listed, keys));
    expect({ verdict: explanation.verdict, told: told(explanation) }).toEqual({
      verdict: 'accepted',
      told: [],
    });
  });

  test('of another secret nothing can be told', async () => {
    const { secret } = generateSigningKeys(listed.scheme);
    const explanation = await explain({ ...delivered(listed, keys), secrets: secret });
    expect(told(explanation)).toEqual(['secret-or-body possible']);
  });

  test.runIf(isShared(listed.scheme))('quotation marks around the secret are proven', async () => {
    const explanation = await explain({ ...delivered(listed, keys), secrets: `"${keys.secret}"` });
    expect(told(explanation)).toEqual(['secret-quotes proven']);
  });
});
