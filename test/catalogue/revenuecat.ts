import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = { factory: 'revenueCat', refusalStatus: 401 };
