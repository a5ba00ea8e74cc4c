import type { DefinedScheme, SignedForm } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { MATRIX, runMatrix } from './support/matrix/index.ts';

/** What each sender is answered where no key matches or the time is off, by its documented retries. */
const REFUSAL_STATUS: Readonly<Record<string, number>> = {
  ada: 401,
  'agent-message': 503,
  'anchor-browser': 401,
  github: 401,
  langsmith: 429,
  polyai: 429,
  shopify: 401,
  slack: 401,
  'standard-webhooks': 401,
  stripe: 401,
  svix: 401,
};

const ALL: readonly DefinedScheme[] = Object.values(schemes)
  .filter((each) => typeof each === 'function')
  .map((make) => make());

test.each(ALL)('the refusal status of $name is known here', ({ name }) => {
  expect(REFUSAL_STATUS[name]).toBeDefined();
});

for (const scheme of ALL) {
  const { signed } = scheme.definition;
  const forms: readonly SignedForm[] = 'content' in signed ? [signed] : signed;
  for (const form of forms) {
    describe(`${scheme.name}, signed in ${form.signature.header}`, () => {
      for (const [kind, rows] of Object.entries(MATRIX)) {
        test(`${kind}: every row is judged as it must be`, async () => {
          const refusalStatus = REFUSAL_STATUS[scheme.name] ?? 0;
          const { failures } = await runMatrix({ scheme, form, refusalStatus }, rows);
          expect(failures).toEqual([]);
        });
      }
    });
  }
}
