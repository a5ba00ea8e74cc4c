import type { DefinedScheme } from '@countersign/core';
import { github, standardWebhooks, stripe } from '@countersign/schemes';
import { adapterCases } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { BROKEN_VERIFIERS } from '../support/broken-verifiers.ts';
import { MATRIX, runMatrix } from '../support/matrix/index.ts';
import { expressMount } from '../support/mounts/express.ts';
import { type ClassicForm, isClassic, rulesOf } from '../support/rules.ts';

// What a broken verifier swallows never comes: there is no reason to wait for it as long as for a slow answer.
const PATIENCE_MS = 800;
const WAITED = /^waited /;
const AT_ONCE = 8;

/** Every row is one request at a receiver that works: these show only where something fails, or where there is no secret. */
const UNSEEN_BY_ROWS = new Set([
  'skips verification where it has no secret',
  'never releases',
  'commits before the handler',
]);

for (const [fault, createVerifier] of Object.entries(BROKEN_VERIFIERS)) {
  describe.concurrent(`a verifier that ${fault}`, () => {
    test('is caught by the adapter cases', async () => {
      const cases = adapterCases(expressMount(5), { createVerifier, patienceMs: PATIENCE_MS });
      const failures = await failuresOf(cases);
      report(fault, `${failures.length} of ${cases.length} adapter cases`, failures);
      // A case that only waited in vain may have done so on a machine that is busy.
      expect(failures.filter(({ message }) => !WAITED.test(message))).not.toEqual([]);
    });

    if (UNSEEN_BY_ROWS.has(fault)) return;
    test('is caught by the negative matrix', async () => {
      const failures: Failure[] = [];
      let rows = 0;
      for (const scheme of [github(), standardWebhooks(), stripe()]) {
        for (const [kind, maker] of Object.entries(MATRIX)) {
          const result = await runMatrix(
            { scheme, form: formOf(scheme), refusalStatus: 401, createVerifier },
            maker,
          );
          rows += result.rows;
          failures.push(
            ...result.failures.map((message) => ({ name: `${scheme.name}, ${kind}: ${message}`, message })),
          );
        }
      }
      report(fault, `${failures.length} of ${rows} rows`, failures);
      expect(failures).not.toEqual([]);
    });
  });
}

interface Failure {
  readonly name: string;
  readonly message: string;
}

/** The cases that fail, in their order. */
async function failuresOf(cases: readonly { name: string; run(): Promise<void> }[]): Promise<Failure[]> {
  const failed = new Map<string, string>();
  const left = [...cases];
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { name, run } = next;
      await run().catch((error: Error) => failed.set(name, error.message));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return cases.flatMap(({ name }) => {
    const message = failed.get(name);
    return message === undefined ? [] : [{ name, message }];
  });
}

function formOf(scheme: DefinedScheme): ClassicForm {
  const form = rulesOf(scheme).find((each) => isClassic(scheme.definition, each));
  if (form === undefined || !isClassic(scheme.definition, form))
    throw new TypeError(`${scheme.name} has no form for the matrix.`);
  return form;
}

const SHOWN = 12;

function report(fault: string, caughtBy: string, failures: readonly Failure[]): void {
  const lines = failures.slice(0, SHOWN).map(({ name }) => `  ${name}`);
  if (failures.length > SHOWN) lines.push(`  and ${failures.length - SHOWN} more`);
  if (process.env.VERBOSE)
    console.info([`A verifier that ${fault} is caught by ${caughtBy}:`, ...lines].join('\n'));
}
