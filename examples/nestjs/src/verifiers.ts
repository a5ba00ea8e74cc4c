import { createVerifier } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { anchorBrowser } from '@countersign/schemes';

// {"current": "the new secret", "previous": {"secret": "the old one", "notAfter": "2030-01-31T00:00:00Z"}}
// Rewrite the file to rotate: the process takes the new set by itself.
export const anchor = createVerifier({
  scheme: anchorBrowser(),
  secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
});
