import { hook0 } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'hook0',
  refusalStatus: 401,
  variants: {
    'hook0, with a header of its own': () => hook0({ headers: { 'x-tenant': 0 } }),
    'hook0, with v0': () => hook0({ v0: true }),
  },
};
