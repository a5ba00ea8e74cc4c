import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { ROOT } from '../consumers/packages.ts';
import type { Solution } from './contract.ts';
import { grade } from './grader.ts';
import { TASKS } from './tasks.ts';

// The solutions were written with docs/agents.md alone. If one needs a change, so does the guide.

const load = async (path: string): Promise<Solution> => import(new URL(`${path}.ts`, import.meta.url).href);
const filesIn = (folder: string) =>
  readdirSync(new URL(`${folder}/`, import.meta.url)).map((file) => file.replace('.ts', ''));

// Each solution logs its refusals.
beforeAll(() => {
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation(() => undefined);
});
afterAll(() => {
  vi.restoreAllMocks();
});

describe.concurrent.each(TASKS)('$name', (task) => {
  it('is solved with the guide', async ({ expect }) => {
    expect(await grade(task, await load(`solutions/${task.name}`)), task.prompt).toEqual([]);
  });
});

test('there are twenty tasks, and one solution for each', () => {
  expect(TASKS).toHaveLength(20);
  expect(filesIn('solutions').sort()).toEqual(TASKS.map(({ name }) => name).sort());
});

test('the guide names everything that the solutions import from Countersign', () => {
  const guide = readFileSync(join(ROOT, 'docs/agents.md'), 'utf8');
  const unnamed = filesIn('solutions').flatMap((name) => {
    const code = readFileSync(new URL(`solutions/${name}.ts`, import.meta.url), 'utf8');
    const imports = [...code.matchAll(/^import \{([^}]+)\} from '(@countersign\/[\w/-]+)';$/gm)];
    const words = imports.flatMap(([, names = '', entry = '']) => [...names.split(','), entry]);
    return words
      .map((word) => word.replace('type ', '').trim())
      .filter((word) => word !== '' && !guide.includes(word))
      .map((word) => `${name}: ${word}`);
  });
  expect(unnamed).toEqual([]);
});

const RUNS = 'a genuine delivery runs, with what was sent';
const DUPLICATE = 'a duplicate does not run again';
const TOGETHER = 'copies that arrive together run once';
const ALTERED = 'an altered delivery is refused';
const STRANGER = 'a delivery that a stranger signed is refused';
const UNSIGNED = 'a delivery without a signature is refused';
const FAILED = 'a delivery whose work failed is not acknowledged, and runs again';
const OLD = 'an old delivery is refused';
const ROTATED = 'after a rotation, the new secret is accepted, and the old one too';
const OVER = 'when its time is over, the old secret is refused, and the new one is not';

/** Wrong solutions: the task that each is for, and exactly the cases that it fails. */
const WRONG: Readonly<Record<string, readonly [task: string, ...failed: string[]]>> = {
  'parser-first': ['stripe-express', RUNS, DUPLICATE, TOGETHER, FAILED, ROTATED, OVER],
  'read-once': ['stripe-express', ROTATED, OVER],
  'no-store': ['stripe-express', DUPLICATE, TOGETHER],
  tolerant: ['stripe-express', OLD],
  'acknowledged-early': ['stripe-express', TOGETHER, FAILED],
  swallowed: ['stripe-express', FAILED],
  'own-check': ['stripe-express', TOGETHER, FAILED],
  'unsigned-passes': ['stripe-express', UNSIGNED],
  'shadow-only': ['stripe-express', DUPLICATE, TOGETHER, ALTERED, STRANGER, UNSIGNED, OLD, OVER],
  'never-ends': ['standard-webhooks-hono', OVER],
  'own-memory': ['stripe-lambda', DUPLICATE, TOGETHER],
  'root-plugin': ['shopify-fastify', 'other routes keep their parser'],
  'one-set-for-all': ['stripe-tenants-express', 'the secret of one customer opens no other endpoint'],
  'no-handshake': ['slack-koa', "the sender's test of the endpoint gets its response"],
};

describe.concurrent.each(Object.entries(WRONG))('a wrong solution, %s,', (name, [taskName, ...expected]) => {
  it('fails for its own reason', async ({ expect }) => {
    const task = TASKS.find((each) => each.name === taskName);
    if (task === undefined) throw new Error(`There is no task ${taskName}.`);
    const failures = await grade(task, await load(`wrong/${name}`), expected);
    expect(failures.map((each) => each.name)).toEqual(expected);
  });
});

test('every wrong solution is graded', () => {
  expect(filesIn('wrong').sort()).toEqual(Object.keys(WRONG).sort());
});
