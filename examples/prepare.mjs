// Runs before an example starts: installs what is missing, and makes the secrets with which you try the examples, in a folder that git
// ignores. Variables that you set take precedence.
import '../.ci/install.mjs';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.secrets', import.meta.url));

if (!existsSync(folder)) {
  const anchor = randomBytes(32).toString('hex');
  const shopify = randomBytes(16).toString('hex');
  const files = {
    'anchor.json': `${JSON.stringify({ current: anchor }, undefined, 2)}\n`,
    'shopify.txt': `${shopify}\n`,
    // Relative to the folder of an example, in which npm starts it.
    env: `ANCHOR_SECRETS=../.secrets/anchor.json\nANCHOR_SECRET=${anchor}\nSHOPIFY_CLIENT_SECRET=${shopify}\n`,
  };
  const fresh = mkdtempSync(`${folder}-`);
  for (const [name, text] of Object.entries(files)) writeFileSync(`${fresh}/${name}`, text, { mode: 0o600 });
  try {
    renameSync(fresh, folder);
  } catch (error) {
    // Another example was started at the same time, and was faster.
    rmSync(fresh, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
}
