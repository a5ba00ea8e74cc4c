import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'braintree',
  refusalStatus: 401,
  body: 'bt_payload=PHhtbD4#',
  beyond: {
    'braintree/challenge': 'a challenge: answered in test/senders/handshakes.test.ts',
  },
};
