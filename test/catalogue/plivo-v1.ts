import { plivoV1, plivoV2 } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'plivoV1',
  refusalStatus: 503,
  url: 'https://hooks.example.com/plivo',
  body: 'CallUUID=97ceeb52-#&Duration=300',
  vectors: { 'plivo/v1': plivoV1, 'plivo/v2': plivoV2 },
};
