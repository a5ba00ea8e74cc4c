import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'plivoV3',
  refusalStatus: 503,
  url: 'https://hooks.example.com/plivo',
  body: 'CallUUID=97ceeb52-#&Duration=300',
};
