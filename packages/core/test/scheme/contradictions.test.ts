import { defineScheme, isWebhookError, type SchemeDefinition } from '@countersign/core';
import { describe, expect, test } from 'vitest';
import { CONTENTS } from '../support/contradictions/content.ts';
import { DEFINITIONS } from '../support/contradictions/definition.ts';
import { HANDSHAKES } from '../support/contradictions/handshake.ts';
import { FORMS } from '../support/contradictions/rule.ts';
import { SECRETS } from '../support/contradictions/secret.ts';

// What a definition that is nearly right must not get away with; packages/core/test/scheme/define-scheme.test.ts has the commonest.

const form = {
  algorithm: { hmac: 'sha256' },
  signature: { header: 'x-signature', encoding: 'hex' },
  content: '{body}',
};
const definition = {
  name: 'acme',
  secret: { encoding: 'utf8' },
  signed: form,
  identity: 'body',
  delivery: { retries: 'never', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
};
const handshake = {
  signed: false,
  when: { method: 'GET', query: { challenge: true } },
  challenge: { query: 'challenge', characters: 'word', maxLength: 64 },
  response: { text: '{challenge}' },
};

/** The error of a definition as someone without a type checker would write it. */
function refusal(given: unknown): unknown {
  try {
    defineScheme(given as SchemeDefinition);
  } catch (error) {
    return error;
  }
  return undefined;
}

function expectRefusal(given: unknown, field: string): void {
  const error = refusal(given);
  expect(isWebhookError(error), `${error}`).toBe(true);
  expect(error).toMatchObject({
    code: 'ERR_WEBHOOK_CONFIG_INVALID',
    message: expect.stringContaining(`"${field}"`),
  });
  expect(error).toMatchObject({ message: expect.stringMatching(/^(?:"|defineScheme).*[.?]$/s) });
}

test('what the tables change is right by itself', () => {
  expect(refusal(definition)).toBeUndefined();
  expect(refusal({ ...definition, handshake })).toBeUndefined();
});

describe('a definition is refused for', () => {
  test.each(DEFINITIONS)('%s', (_, field, changes) => expectRefusal({ ...definition, ...changes }, field));
});

describe('a secret is refused for', () => {
  test.each(SECRETS)('%s', (_, field, changes) => expectRefusal({ ...definition, ...changes }, field));
});

describe('a form is refused for', () => {
  test.each(FORMS)('%s', (_, field, changes) =>
    expectRefusal({ ...definition, signed: { ...form, ...changes } }, field),
  );
});

describe('content is refused for', () => {
  test.each(CONTENTS)('%s', (_, field, changes) =>
    expectRefusal({ ...definition, signed: { ...form, ...changes }, identity: 'content' }, field),
  );
});

describe('a handshake is refused for', () => {
  test.each(HANDSHAKES)('%s', (_, field, changes) =>
    expectRefusal({ ...definition, handshake: { ...handshake, ...changes } }, field),
  );

  test('a contradiction in the second of two', () => {
    expectRefusal(
      { ...definition, handshake: [handshake, { ...handshake, response: {}, mac: {} }] },
      'handshake.mac.encoding',
    );
  });

  test('a MAC under a key that is public', () => {
    const secret = { publicKey: 'ed25519', encoding: 'pem' };
    const signed = { ...form, algorithm: { publicKey: 'ed25519' } };
    const rule = { ...handshake, mac: { hmac: 'sha256', encoding: 'hex' }, response: { text: '{mac}' } };
    expect(refusal({ ...definition, secret, signed, handshake })).toBeUndefined();
    expectRefusal({ ...definition, secret, signed, handshake: rule }, 'handshake.mac');
  });
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a list', [definition]],
  ['a function', () => definition],
  ['a function inside', { ...definition, about: { sender: 'x', sources: [], assumptions: [() => ''] } }],
])('%s is not a definition', (_, given) => {
  const error = refusal(given);
  expect(error).toMatchObject({
    code: 'ERR_WEBHOOK_CONFIG_INVALID',
    message: expect.stringMatching(/^defineScheme\(\) /),
  });
});
