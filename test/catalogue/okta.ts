import { okta } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'okta',
  refusalStatus: 503,
  variants: { 'okta, in a header of its own': () => okta({ header: 'x-okta-hook' }) },
};
