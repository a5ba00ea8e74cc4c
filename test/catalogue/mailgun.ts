import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'mailgun',
  refusalStatus: 401,
  at: { mailgun: 1_403_645_220 },
};
