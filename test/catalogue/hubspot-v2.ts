import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'hubspotV2',
  refusalStatus: 429,
  url: 'https://hooks.example.com/hubspot',
};
