import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'sendGrid',
  refusalStatus: 401,
  at: { sendgrid: 1_600_112_502, 'sendgrid/multi': 1_619_651_159 },
};
