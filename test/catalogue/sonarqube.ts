import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = { factory: 'sonarQube', refusalStatus: 401 };
