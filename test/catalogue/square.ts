import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'square',
  refusalStatus: 401,
  url: 'https://hooks.example.com/square',
};
