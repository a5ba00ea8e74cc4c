import { createVerifier, type Verifier, type VerifierOptions, type WebhookEvent } from '@countersign/core';
import { webhook } from '@countersign/express';
import { standardWebhooks } from '@countersign/schemes';
import { type SignedRequest, sign } from '@countersign/testing';
import type { Express, RequestHandler } from 'express';
import { expect, onTestFinished, vi } from 'vitest';
import { listen } from '../../../../test/support/listen.ts';
import { type ExpressVersion, expressOf } from '../../../../test/support/mounts/express.ts';

const SECRET = 'whsec_Y291bnRlcnNpZ24gZXhwcmVzcyB0ZXN0IHNlY3JldA==';

/** An Express app of a test's own making, and a sender for it. */
export interface ExpressFixture {
  readonly verifier: Verifier;
  readonly events: readonly WebhookEvent[];
  /** A new delivery for each call, unless one is given. */
  deliver(request?: SignedRequest, path?: string): Promise<Response>;
  /** Waits until the one claim was settled, and sees that it was settled so. */
  settled(how: 'committed' | 'released'): Promise<void>;
}

export async function expressFixture(
  version: ExpressVersion,
  build: (app: Express, guard: RequestHandler) => void,
  options: Partial<VerifierOptions> = {},
): Promise<ExpressFixture> {
  const events: WebhookEvent[] = [];
  const verifier = createVerifier({
    scheme: standardWebhooks(),
    secrets: SECRET,
    observe: (event) => events.push(event),
    ...options,
  });
  const app = expressOf(version)();
  app.set('env', 'test');
  build(app, webhook(verifier));
  const { port, close } = await listen(app);
  onTestFinished(async () => {
    await close();
    await verifier.close();
  });
  return {
    verifier,
    events,
    deliver: ({ headers, body } = signed(), path = '/hooks') =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers,
        body: Buffer.from(body),
        redirect: 'manual',
      }),
    async settled(how) {
      const settled = () =>
        events.map(({ type }) => type).filter((type) => type === 'committed' || type === 'released');
      await vi.waitFor(() => expect(settled()).toEqual([how]), { timeout: 3000, interval: 2 });
    },
  };
}

export function signed(body = '{"amount": 10.50}'): SignedRequest {
  return sign(standardWebhooks(), { secret: SECRET, body });
}
