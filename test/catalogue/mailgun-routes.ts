import { mailgunRoutes } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'mailgunRoutes',
  refusalStatus: 401,
  body: 'recipient=a%40example.com&subject=%E2%9C%85+#',
  at: { 'mailgun/form': 1_403_645_220 },
  vectors: { 'mailgun/form': mailgunRoutes },
};
