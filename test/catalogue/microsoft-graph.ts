import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'microsoftGraph',
  refusalStatus: 401,
  body: '{"value":[{"subscriptionId":"s-#"}]}',
};
