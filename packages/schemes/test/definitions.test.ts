import { type DefinedScheme, defineScheme, isWebhookError } from '@countersign/core';
import * as schemes from '@countersign/schemes';
import { describe, expect, test } from 'vitest';

// Tables know every field of a definition: whatever is changed to a wrong type is refused by its name. No sender's definition passes by luck.

const FACTORIES: Record<string, () => DefinedScheme> = schemes;

type Path = readonly (string | number)[];

/** Every field of a definition, objects and lists included. */
function* fieldsOf(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (value === null || typeof value !== 'object') return;
  const members: [string | number, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  for (const [name, member] of members) yield* fieldsOf(member, [...path, name]);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, name) => (at as Record<string | number, unknown>)[name], value);
}

function withChange(value: unknown, path: Path, change: unknown): unknown {
  const copy = structuredClone(value);
  const last = path.at(-1) ?? '';
  (valueAt(copy, path.slice(0, -1)) as Record<string | number, unknown>)[last] = change;
  return copy;
}

/** Values of other types than the given one, of which none may be taken for it. */
function wrongValues(value: unknown): unknown[] {
  const all = [7.5, 'no such word !', true, false, null, { unknown: { unknown: 1 } }, [{ unknown: 1 }], 10n];
  return all.filter(
    (each) => typeof each !== typeof value || (typeof value === 'object') !== Array.isArray(value),
  );
}

/** Fields that take any text, number, true or false, so that some of the wrong values are right. */
function isRight(path: Path, change: unknown): boolean {
  const name = path.join('.');
  if (/^handshake(\.\d+)?\.response\.json\.[^.]+$/.test(name))
    return ['string', 'number', 'boolean'].includes(typeof change);
  if (/\.when\.(?:header|query|form)\.[^.]+$/.test(name))
    return change === true || typeof change === 'string';
  if (/\.when\.field\.[^.]+$/.test(name)) return typeof change === 'string' || typeof change === 'number';
  if (name === 'delivery.idStableOverRetries') return typeof change === 'boolean';
  return false;
}

/** How an error names a field: lists are named as a whole, whatever their element. */
function namesOf(path: Path): string[] {
  const words = path.filter((word) => typeof word === 'string');
  return words.map((_, at) => words.slice(0, words.length - at).join('.')).slice(0, 2);
}

function refusalOf(definition: unknown): unknown {
  try {
    defineScheme(definition as DefinedScheme['definition']);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(Object.entries(FACTORIES))('%s()', (_, make) => {
  test('is refused with any field of a wrong type, which the error names', () => {
    const { definition } = make();
    const wrong: string[] = [];
    for (const path of fieldsOf(definition)) {
      for (const change of wrongValues(valueAt(definition, path))) {
        if (isRight(path, change)) continue;
        const error = refusalOf(withChange(definition, path, change));
        const isNamed =
          isWebhookError(error) &&
          error.code === 'ERR_WEBHOOK_CONFIG_INVALID' &&
          namesOf(path).some((name) => error.message.includes(`"${name}`));
        if (!isNamed) wrong.push(`${path.join('.')} = ${String(change)}: ${error ?? 'accepted'}`);
      }
    }
    expect(wrong.join('\n')).toBe('');
  });

  test('is refused with an unknown field anywhere, which the error names', () => {
    const { definition } = make();
    const wrong: string[] = [];
    const isOpen =
      /(?:^|\.)(?:unsignedHeaders|parts|requiredHeaders|arrayLengths|joinCounts|mistakenFor|json|headers|fieldContainingJoin\.values)$|\.when\.(?:header|query|field|form)$/;
    for (const path of [[], ...fieldsOf(definition)]) {
      const value = valueAt(definition, path);
      if (value === null || typeof value !== 'object' || Array.isArray(value) || isOpen.test(path.join('.')))
        continue;
      const error = refusalOf(withChange(definition, [...path, 'unknownField'], 1));
      if (!isWebhookError(error) || !error.message.includes('"unknownField"')) wrong.push(path.join('.'));
    }
    expect(wrong.join('\n')).toBe('');
  });
});
