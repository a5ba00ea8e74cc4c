import { meta } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'meta',
  refusalStatus: 401,
  variants: { 'meta, with a verify token': () => meta({ verifyToken: 'agreed' }) },
};
