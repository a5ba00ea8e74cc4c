import { hubspotV1, hubspotV2 } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'hubspot',
  refusalStatus: 401,
  url: 'https://hooks.example.com/hubspot',
  vectors: {
    'hubspot/v1': hubspotV1,
    'hubspot/py-v1': hubspotV1,
    'hubspot/v2': hubspotV2,
    'hubspot/py-v2': hubspotV2,
  },
};
