import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGES, ROOT } from '../consumers/packages.ts';
import { blocksOf } from '../consumers/readme-snippets.ts';

// The sender never learns why it was refused. So what people copy first must write it to their log.

const readmes = ['.', ...PACKAGES]
  // Its verifiers are those of tests.
  .filter((folder) => folder !== 'packages/testing')
  .map((folder) => join(folder, 'README.md'))
  .flatMap((readme) => {
    const first = blocksOf(readme).find((code) => code.includes('createVerifier('));
    return first === undefined ? [] : [[readme, first] as const];
  });

test('the adapters and the stores are among them', () => {
  const names = readmes.map(([readme]) => readme);
  for (const name of ['express', 'fastify', 'koa', 'nestjs', 'fetch', 'lambda', 'redis', 'postgres'])
    expect(names).toContain(join('packages', name, 'README.md'));
});

test.each(readmes)('the first verifier of %s has a log', (_, code) => {
  expect(code).toContain('logWebhooks(');
});

const examples = readdirSync(join(ROOT, 'examples'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
  // It counts the events itself, and shows them on its screen.
  .filter((path) => !path.startsWith('rotation'))
  .map((path) => [path, readFileSync(join(ROOT, 'examples', path), 'utf8')] as const)
  .filter(([, code]) => code.includes('createVerifier('));

test.each(examples)('every verifier of the example %s has a log', (_, code) => {
  expect(code.match(/observe: logWebhooks\(/g)).toHaveLength(code.match(/createVerifier\(/g)?.length ?? 0);
});
