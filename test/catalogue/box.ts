import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'box',
  refusalStatus: 401,
  refused: {
    'box/bigger-window': 'judged with a window of 20 minutes, which is twice what Box has by default',
  },
};
