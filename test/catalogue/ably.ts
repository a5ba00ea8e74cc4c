import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'ably',
  refusalStatus: 503,
};
