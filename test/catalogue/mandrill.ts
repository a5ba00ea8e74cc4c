import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'mandrill',
  refusalStatus: 503,
  url: 'https://hooks.example.com/mandrill',
  body: 'mandrill_events=%5B%7B%22_id%22%3A%22#%22%7D%5D',
};
