import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'plivo',
  refusalStatus: 401,
  url: 'https://hooks.example.com/plivo',
  body: 'CallUUID=97ceeb52-#&Duration=300',
};
