import { expect, test } from 'vitest';
import { loadPage } from '../src/page.ts';

const MAX_BYTES = 150_000;

test('the page is one file of at most 150 kB that loads nothing else', async () => {
  const { html, headers } = await loadPage();
  expect(Buffer.byteLength(html)).toBeLessThan(MAX_BYTES);
  console.info(`The page has ${Buffer.byteLength(html)} bytes.`);
  expect(html.match(/<(?:script|link|img|iframe)[^>]*(?:src|href)="(?!data:)[^"]*"/g)).toBeNull();
  expect(html.match(/<\/script>/g)).toHaveLength(1);
  const [, style = ''] = /<style>(.*)<\/style>/s.exec(html) ?? [];
  expect(style.match(/@import|url\(/)).toBeNull();
  expect(style.length).toBeGreaterThan(1000);
  const policy = headers['content-security-policy'] ?? '';
  expect(policy).not.toContain('unsafe');
  expect(policy).toContain("default-src 'none'");
});
