import { sinchNumbers } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'sinch',
  refusalStatus: 429,
  beyond: {
    'sinch/application-signed':
      'signs method, path and an MD5 of the body for Voice and Verification: another product',
  },
  vectors: { 'sinch/numbers': sinchNumbers },
};
