// Makes what a new sender needs: its file in packages/schemes, its export, and its entry in test/catalogue.
//
//   npm run new:sender acme-pay
//
// Each place to fill in contains FILL IN, and a test fails until none is left: `npm test --
// packages/schemes/test/complete.test.ts`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './sources.ts';

const [name = ''] = process.argv.slice(2);
if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
  console.error('Name the sender in lower case, with hyphens between words: npm run new:sender acme-pay');
  process.exit(2);
}
const factory = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
const title = name.replace(
  /(^|-)(.)/g,
  (_, hyphen: string, letter: string) => (hyphen && ' ') + letter.toUpperCase(),
);
const folder = existsSync(join(ROOT, 'packages/schemes/src/senders')) ? 'senders/' : '';
const source = `packages/schemes/src/${folder}${name}.ts`;
const entry = `test/catalogue/${name}.ts`;
for (const path of [source, entry]) {
  if (!existsSync(join(ROOT, path))) continue;
  console.error(`${path} exists already.`);
  process.exit(1);
}

writeFileSync(
  join(ROOT, source),
  `import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '${folder === '' ? './' : '../'}lazily.ts';

const scheme = lazily(() =>
  defineScheme({
    name: '${name}',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-${name}-signature', encoding: 'hex' },
      timestamp: { header: 'x-${name}-timestamp', unit: 's' },
      content: '{timestamp}.{body}',
    },
    identity: 'body',
    delivery: {
      retries: 'unknown',
      idStableOverRetries: 'unknown',
      retrySignature: 'unknown',
    },
    about: {
      sender: '${title}',
      confidence: 'sender-docs',
      testedWith: 'formula-only',
      sources: ['FILL IN: the URL of the page that documents the signature.'],
      assumptions: ['FILL IN: what no document of the sender says. An empty list if there is nothing.'],
      rotation: 'FILL IN: what rotating the secret does at this sender.',
    },
  }),
);

/**
 * ${title}: FILL IN: the header and the signed content in one line.
 *
 * - Identity: the body's bytes.
 * - Delivery: FILL IN: after which statuses the sender retries, and for how long.
 *
 * @example
 * \`\`\`ts
 * const verifier = createVerifier({ scheme: ${factory}(), secrets: envSecrets('${name.toUpperCase().replaceAll('-', '_')}_SECRET') })
 * \`\`\`
 */
export function ${factory}(): DefinedScheme {
  return scheme();
}
`,
);
writeFileSync(
  join(ROOT, entry),
  `import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: '${factory}',
  // The status for a signature that matches no key, by the sender's documented retries: 401 if it retries 401 or never retries,
  // else 429 if it retries that, else 503.
  refusalStatus: 503,
};
`,
);
const index = join(ROOT, 'packages/schemes/src/index.ts');
const lines = readFileSync(index, 'utf8').trimEnd().split('\n');
const line = `export { ${factory} } from './${folder}${name}.ts';`;
const pathOf = (each: string) => /from '([^']*)'/.exec(each)?.[1] ?? '';
const before = lines.findIndex((each) => pathOf(each) > pathOf(line));
lines.splice(before === -1 ? lines.length : before, 0, line);
writeFileSync(index, `${lines.join('\n')}\n`);

console.log(`Made ${source} and ${entry}, and exported ${factory}() from packages/schemes.

Next:
  1. Fill in ${source} from the sender's own documents, and the status in ${entry}.
       npm test -- packages/schemes/test/complete.test.ts          lists what is left, in seconds
  2. If the sender has a library, compare with it: test/senders/support/vendor-libraries.ts.
     If it publishes signatures, check them: packages/schemes/test.
  3. Write its page, its line in the table of senders, and the list of exports:
       npm run docs -w @countersign/schemes
       npm test -- test/consumers/exports.test.ts -u
  4. Run what concerns it:
       npm test -- packages/schemes/test test/senders -t '${factory}|${name}'
     Before the pull request, run it without -t: all senders against everything take some minutes.
  5. npm run changeset                                             a new sender is a minor change of @countersign/schemes`);
