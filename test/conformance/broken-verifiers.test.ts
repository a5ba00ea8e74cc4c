import type { DefinedScheme } from '@countersign/core';
import { github, standardWebhooks, stripe } from '@countersign/schemes';
import { adapterCases } from '@countersign/testing';
import { describe, expect, test } from 'vitest';
import { BROKEN_VERIFIERS } from '../support/broken-verifiers.ts';
import { MATRIX, runMatrix } from '../support/matrix/index.ts';
import { expressMount } from '../support/mounts/express.ts';
import { type ClassicForm, isClassic, rulesOf } from '../support/rules.ts';

// A request that a broken verifier swallows never gets a response: there is no reason to wait for it as long as for a slow
// response.
const PATIENCE_MS = 800;
const WAITED = /^waited /;
const AT_ONCE = 8;

/** Every row is one request at a receiver that works: these show only if something fails, or if there is no secret. */
const UNSEEN_BY_ROWS = new Set([
  'skips verification if it has no secret',
  'never releases',
  'commits before the handler',
]);

for (const [fault, createVerifier] of Object.entries(BROKEN_VERIFIERS)) {
  describe(`a verifier that ${fault}`, () => {
    test('is caught by the adapter cases', async () => {
      const cases = adapterCases(expressMount(5), {
        ...{ createVerifier, patienceMs: PATIENCE_MS },
        limits: ['unseen-handler-errors'],
      });
      const failures = await firstFailures(cases);
      report(fault, 'the adapter cases', failures);
      expect(failures).not.toEqual([]);
    });

    if (UNSEEN_BY_ROWS.has(fault)) return;
    test('is caught by the negative matrix', async () => {
      const failures = await firstFailuresInMatrix(createVerifier);
      report(fault, 'the negative matrix', failures);
      expect(failures).not.toEqual([]);
    });
  });
}

interface Failure {
  readonly name: string;
  readonly message: string;
}

/**
 * Runs cases until some have failed: one is enough to catch a fault. One that only waited in vain catches nothing, because it may
 * have done so on a machine that is busy.
 */
async function firstFailures(
  cases: readonly { name: string; run(): Promise<void> }[],
): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  const left = [...cases];
  const work = async () => {
    for (let next = left.shift(); next !== undefined && failures.length === 0; next = left.shift()) {
      const { name, run } = next;
      await run().catch(({ message }: Error) => {
        if (!WAITED.test(message)) failures.push({ name, message });
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failures;
}

/** Runs the matrix, kind by kind and sender by sender, until rows have failed. */
async function firstFailuresInMatrix(
  createVerifier: (typeof BROKEN_VERIFIERS)[string],
): Promise<readonly Failure[]> {
  for (const [kind, maker] of Object.entries(MATRIX)) {
    for (const scheme of [github(), standardWebhooks(), stripe()]) {
      const row = { scheme, form: formOf(scheme), refusalStatus: 401, createVerifier };
      const { failures } = await runMatrix(row, maker);
      if (failures.length > 0)
        return failures.map((message) => ({ name: `${scheme.name}, ${kind}: ${message}`, message }));
    }
  }
  return [];
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
