import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createVerifier,
  logWebhooks,
  memoryReplayStore,
  WebhookError,
  type WebhookErrorCode,
} from '@countersign/core';
import { pageOfCode } from '@countersign/core/extend';
import { stripe } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { titleOf, withoutFrontMatter } from '../../site/src/markdown.ts';
import { SITE } from '../../site/src/project.ts';
import { PACKAGES, ROOT } from '../consumers/packages.ts';

const FOLDER = join(ROOT, 'docs/errors');
const CODE = /'((?:ERR_WEBHOOK|ERR_ROTATION|ERR_RECOVERY|COUNTERSIGN)_[A-Z_]+)'/g;

/** Every code that the packages use. */
const codes = new Set(
  PACKAGES.flatMap((folder) => {
    const source = join(ROOT, folder, 'src');
    return readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => [...readFileSync(join(source, path), 'utf8').matchAll(CODE)])
      .map(([, code = '']) => code);
  }),
);
const pages = readdirSync(FOLDER).map((name) => name.replace('.md', ''));
const textOf = (code: string) => readFileSync(join(FOLDER, `${code}.md`), 'utf8');

test('each code has a page, and there is no page of a code that is gone', () => {
  expect(codes.size).toBeGreaterThan(50);
  expect(pages.sort()).toEqual([...codes].sort());
});

test.each(pages)('the page of %s says what it means, who acts, and what to do', (code) => {
  const text = textOf(code);
  expect(titleOf(text, '')).toBe(code);
  expect(withoutFrontMatter(text)).toMatch(/^\s*# \w+\n\n[A-Z`].+\n\n\| \| \|\n[\s\S]*\n## What to do\n\n\S/);
});

test.each(pages.filter((code) => code.startsWith('ERR_WEBHOOK_')))(
  'the page of %s names its status',
  (code) => {
    const { status } = new WebhookError(code as WebhookErrorCode, '');
    const [, row] = /^\| The sender gets \| (.*) \|$/m.exec(textOf(code)) ?? [];
    // Of a wrong set-up, the sender sees something else, or nothing.
    if (status === 500 && code !== 'ERR_WEBHOOK_BODY_CONSUMED') expect(row).toBeDefined();
    else expect(row).toContain(String(status));
  },
);

describe('what an operator reads links to the page', () => {
  test('a process warning', async () => {
    const warned = once(process, 'warning');
    const shared = { scheme: stripe(), secrets: 'whsec_0123456789abcdef0123', replay: memoryReplayStore() };
    const verifiers = [createVerifier(shared), createVerifier(shared)];
    const [warning] = await warned;
    expect(warning).toMatchObject({
      code: 'COUNTERSIGN_ENDPOINT_SHARED',
      detail: `See ${SITE}errors/COUNTERSIGN_ENDPOINT_SHARED`,
    });
    for (const verifier of verifiers) await verifier.close();
  });

  test('a line about a refusal, in text and in objects; and the sender gets none of it', async () => {
    const lines: string[] = [];
    const objects: unknown[] = [];
    const pino = { bindings: () => ({}), warn: (object: unknown) => objects.push(object) };
    const winston = {
      configure() {},
      log() {},
      warn: (_: string, object: unknown) => objects.push(object),
    };
    const verifier = createVerifier({
      scheme: stripe(),
      secrets: 'whsec_0123456789abcdef0123',
      observe: [
        logWebhooks({ warn: (line: string) => lines.push(line) }),
        logWebhooks(pino as never),
        logWebhooks(winston as never),
      ],
    });
    const response = await verifier.handle({ headers: {}, body: Buffer.from('{}') }, () => undefined);
    const docs = pageOfCode('ERR_WEBHOOK_SIGNATURE_MISSING');
    expect(lines).toEqual([expect.stringContaining(`docs=${docs}]`)]);
    expect(objects).toEqual([
      { webhook: expect.objectContaining({ docs }) },
      { webhook: expect.objectContaining({ docs }) },
    ]);
    expect(JSON.stringify(response)).not.toContain('countersign');
    await verifier.close();
  });
});

test('the manifests name the same site', () => {
  const homepages = ['.', ...PACKAGES].flatMap((folder) => {
    const { homepage } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
    return homepage ?? [];
  });
  expect(homepages).toContain(SITE);
  expect([...new Set(homepages)]).toEqual([SITE]);
});
