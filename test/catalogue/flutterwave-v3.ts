import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = { factory: 'flutterwaveV3', refusalStatus: 401 };
