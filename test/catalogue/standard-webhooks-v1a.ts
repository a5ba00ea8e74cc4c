import { standardWebhooksV1a } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'standardWebhooksV1a',
  refusalStatus: 401,
  vectors: { 'svix/v1a': standardWebhooksV1a },
};
