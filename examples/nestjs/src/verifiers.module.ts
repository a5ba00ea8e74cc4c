import { createVerifier, logWebhooks, type Verifier } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { anchorBrowser } from '@countersign/schemes';
import { Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';

export const ANCHOR = Symbol('the verifier of Anchor Browser');

const logger = new Logger('Webhooks');

// {"current": "the new secret", "previous": {"secret": "the old one", "notAfter": "2030-01-31T00:00:00Z"}}
// Rewrite the file to rotate: the process loads the new set by itself.
async function anchorVerifier(): Promise<Verifier> {
  const verifier = createVerifier({
    scheme: anchorBrowser(),
    secrets: fileSecrets(process.env.ANCHOR_SECRETS ?? '/run/secrets/anchor.json'),
    // The sender never learns why it was refused: your log says it.
    observe: logWebhooks(logger),
  });
  await verifier.ready();
  return verifier;
}

@Module({
  providers: [{ provide: ANCHOR, useFactory: anchorVerifier }],
  exports: [ANCHOR],
})
export class VerifiersModule implements OnApplicationShutdown {
  readonly #anchor: Verifier;

  constructor(@Inject(ANCHOR) anchor: Verifier) {
    this.#anchor = anchor;
  }

  // After the server: until it is closed, requests are being verified.
  onApplicationShutdown(): Promise<void> {
    return this.#anchor.close();
  }
}
