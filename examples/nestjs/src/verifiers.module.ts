import { createVerifier, type Verifier } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { anchorBrowser } from '@countersign/schemes';
import { Module } from '@nestjs/common';

export const ANCHOR = Symbol('the verifier of Anchor Browser');

// {"current": "the new secret", "previous": {"secret": "the old one", "notAfter": "2030-01-31T00:00:00Z"}}
// Rewrite the file to rotate: the process takes the new set by itself.
async function anchorVerifier(): Promise<Verifier> {
  const verifier = createVerifier({
    scheme: anchorBrowser(),
    secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
  });
  await verifier.ready();
  return verifier;
}

@Module({
  providers: [{ provide: ANCHOR, useFactory: anchorVerifier }],
  exports: [ANCHOR],
})
export class VerifiersModule {}
