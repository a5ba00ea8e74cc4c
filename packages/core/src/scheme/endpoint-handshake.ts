import { HeadReader, type WebhookRequest } from '../request.ts';
import type { WebhookResponse } from '../response.ts';
import type { Keyring } from '../secrets/keyring.ts';
import type { VerifiedWebhook } from '../webhook.ts';
import type { Scheme } from './scheme.ts';

/** The challenges of one request at one endpoint: what its verifier asks before and after it verifies. */
export class EndpointHandshake<K> {
  readonly #handshake: Scheme<K>['handshake'];
  readonly #keyring: Pick<Keyring<K>, 'keys'>;
  readonly #head: HeadReader;

  constructor(
    endpoint: {
      readonly scheme: Scheme<K>;
      readonly keyring: Pick<Keyring<K>, 'keys'>;
      readonly publicUrl: string | undefined;
    },
    request: WebhookRequest,
  ) {
    this.#handshake = endpoint.scheme.handshake;
    this.#keyring = endpoint.keyring;
    this.#head = new HeadReader(request, endpoint.publicUrl);
  }

  /** The answer to a challenge that carries no signature. */
  open(): WebhookResponse | undefined {
    return this.#handshake?.respondToUnsigned(this.#head, this.#keyring.keys().keys);
  }

  /** The answer to a challenge whose signature matched. */
  signed(delivery: VerifiedWebhook): WebhookResponse | undefined {
    const key = this.#keyring.keys().keys.find(({ id }) => id === delivery.key.id);
    return this.#handshake?.respondToSigned(this.#head, () => jsonOf(delivery), key);
  }
}

/** What is no JSON is no challenge. */
function jsonOf(delivery: VerifiedWebhook): unknown {
  try {
    return delivery.json();
  } catch {
    return undefined;
  }
}
