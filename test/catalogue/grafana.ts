import { grafana } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'grafana',
  refusalStatus: 503,
  variants: { 'grafana, with a time': () => grafana({ timestampHeader: 'x-grafana-alerting-timestamp' }) },
};
