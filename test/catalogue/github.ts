import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'github',
  refusalStatus: 401,
  refused: {
    'github/sha1-legacy':
      'github() reads X-Hub-Signature-256 only: accepting SHA-1 beside it would be a downgrade',
  },
};
