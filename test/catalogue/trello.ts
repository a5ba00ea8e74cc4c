import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'trello',
  refusalStatus: 401,
  url: 'https://hooks.example.com/trello',
};
