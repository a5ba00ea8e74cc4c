import { createVerifier, type KeyringOptions, type Verifier, type WebhookEvent } from '@countersign/core';
import { polyai } from '@countersign/schemes';
import { type ManualClock, manualClock, sign } from '@countersign/testing';
import { type SecretService, startSecretService } from './secret-service.ts';

export const A = 'first-3f9a1c77e0b24d5d-3f9a1c77e0b24d5d';
export const B = 'second-8c41d2ab90ff77e3-8c41d2ab90ff77e3';
export const FORGED = 'nobodys-00c0ffee00c0ffee-00c0ffee00c0ffee';

/** A verifier whose secrets come over the network, with its senders. */
export interface FaultFixture {
  readonly clock: ManualClock;
  readonly service: SecretService;
  readonly verifier: Verifier;
  readonly events: WebhookEvent[];
  /** Sends a delivery signed with this secret; returns the role of the key that verified it, or the code of the refusal. */
  deliver(secret: string): Promise<string>;
  close(): Promise<void>;
}

/** The verifier has loaded `{ current: A, version: '1' }` when this resolves. */
export async function startFaultFixture(
  options: KeyringOptions & { isDeaf?: boolean } = {},
): Promise<FaultFixture> {
  const { isDeaf, ...reload } = options;
  const clock = manualClock();
  const service = await startSecretService(clock, { current: A, version: '1' });
  const events: WebhookEvent[] = [];
  const scheme = polyai();
  const verifier = createVerifier({
    scheme,
    secrets: service.provider(isDeaf),
    reload,
    clock,
    observe: (event) => events.push(event),
  });
  await verifier.ready();
  let sent = 0;
  return {
    clock,
    service,
    verifier,
    events,
    async deliver(secret) {
      const body = `{"n":${++sent}}`;
      const { headers } = sign(scheme, { secret, body, timestamp: clock.now() / 1000 });
      return verifier.verify({ headers, body: Buffer.from(body) }).then(
        ({ key }) => key.role,
        (error: { code: string }) => error.code.replace('ERR_WEBHOOK_', ''),
      );
    },
    async close() {
      await verifier.close();
      await service.close();
    },
  };
}
