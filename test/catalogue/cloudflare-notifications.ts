import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'cloudflareNotifications',
  refusalStatus: 503,
};
