import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type DefinedScheme, defineScheme, type SchemeDefinition } from '@countersign/core';
import type { SharedSecret } from '@countersign/core/extend';
import { transformSync } from 'esbuild';
import * as vitest from 'vitest';

const resolve = createRequire(import.meta.url);

/**
 * Runs a test file that a sender packs with its library. The file stays where it is, and what it imports as the library is replaced.
 *
 * @param file The file in its package: `svix/src/webhook.test.ts`.
 * @param modules What the file gets for each module that it imports. Others are the real ones.
 */
export function runPackedSuite(file: string, modules: Readonly<Record<string, unknown>>): void {
  const text = readFileSync(new URL(`../../node_modules/${file}`, import.meta.url), 'utf8');
  const { code } = transformSync(text, { loader: file.endsWith('.ts') ? 'ts' : 'js', format: 'cjs' });
  const load = (name: string): unknown => {
    if (Object.hasOwn(modules, name)) return modules[name];
    if (name === 'node:test' || name === 'vitest') return vitest;
    return resolve(name);
  };
  const { describe, expect, it, test } = vitest;
  const run = new Function('require', 'module', 'exports', 'describe', 'it', 'test', 'expect', code);
  run(load, { exports: {} }, {}, describe, it, test, expect);
}

/** The modules that suites use to make signatures of their own, by Node's crypto. */
export const CRYPTO_MODULES = {
  '@stablelib/utf8': { encode: (text: string) => Buffer.from(text) },
  '@stablelib/base64': {
    encode: (bytes: Uint8Array) => Buffer.from(bytes).toString('base64'),
    decode: (text: string) => Buffer.from(text, 'base64'),
  },
  'fast-sha256': {
    hmac: (key: Uint8Array, content: Uint8Array) => createHmac('sha256', key).update(content).digest(),
  },
};

/** The same scheme for secrets of any length: those of suites are short. */
export function ofAnyLength({ definition }: DefinedScheme): DefinedScheme {
  const { secret } = definition;
  const changed =
    'encoding' in secret && !('publicKey' in secret) ? { ...(secret as SharedSecret), minBytes: 1 } : secret;
  return defineScheme({ ...definition, secret: changed } as SchemeDefinition);
}

/**
 * Whether a scheme accepts a request now, without waiting: suites expect their library to answer at once. The steps are those of a verifier.
 */
export function acceptsNow(
  scheme: DefinedScheme,
  secret: string | Uint8Array,
  request: { headers: Readonly<Record<string, string | undefined>>; body: string | Uint8Array },
): boolean {
  const entries = Object.entries(request.headers).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  const headers = new Map(entries);
  const values = (name: string) => [headers.get(name)].flatMap((value) => value ?? []);
  const head = {
    method: 'POST',
    url: '/',
    publicUrl: undefined,
    values,
    value: (name: string) => headers.get(name),
  };
  try {
    const key = { id: 'key', role: 'current', key: scheme.importKey(secret) } as const;
    const parsed = scheme.parseHead(head);
    const { freshness } = scheme;
    if (freshness.signed === 'header') {
      const age = Math.floor(Date.now() / 1000) - Math.floor((parsed.signedAt ?? 0) / 1000);
      if (age > freshness.past || -age > freshness.future) return false;
    }
    return parsed.match(Buffer.from(request.body as string), [key]) !== undefined;
  } catch {
    return false;
  }
}
