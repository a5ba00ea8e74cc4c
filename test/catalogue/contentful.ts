import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'contentful',
  refusalStatus: 503,
  url: 'https://hooks.example.com/contentful',
};
