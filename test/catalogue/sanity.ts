import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'sanity',
  refusalStatus: 429,
  refused: {
    'sanity/space': 'a blank behind the comma: a list is split at its separator and nothing is trimmed',
    'sanity/encode': 'signed 16 minutes before it is checked: the library of Sanity enforces no window',
  },
};
