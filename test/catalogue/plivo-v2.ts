import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'plivoV2',
  refusalStatus: 503,
  url: 'https://hooks.example.com/plivo',
};
