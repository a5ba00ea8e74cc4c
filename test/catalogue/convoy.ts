import { convoy } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'convoy',
  refusalStatus: 401,
  variants: {
    'convoy, SHA-512 in base64': () => convoy({ hash: 'sha512', encoding: 'base64' }),
    'convoy, simple signatures': () => convoy({ signatures: 'simple' }),
    'convoy, simple signatures, SHA-512 in base64': () =>
      convoy({ signatures: 'simple', hash: 'sha512', encoding: 'base64' }),
    'convoy, another header and version': () => convoy({ header: 'x-acme-signature', version: 2 }),
  },
};
