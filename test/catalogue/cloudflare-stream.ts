import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'cloudflareStream',
  refusalStatus: 503,
};
