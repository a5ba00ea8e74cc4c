import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'dropboxSign',
  refusalStatus: 401,
  at: { 'dropbox-sign': 1_348_177_752 },
};
