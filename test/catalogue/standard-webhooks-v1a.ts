import { standardWebhooksV1a } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'standardWebhooksV1a',
  refusalStatus: 401,
  variants: { 'standard-webhooks-v1a, svix-*': () => standardWebhooksV1a({ headers: 'svix' }) },
  vectors: { 'svix/v1a': () => standardWebhooksV1a({ headers: 'svix' }) },
};
