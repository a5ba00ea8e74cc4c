import { messageBirdLegacy } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'messageBirdLegacy',
  refusalStatus: 503,
  vectors: { 'messagebird/legacy': messageBirdLegacy },
  beyond: { 'messagebird/jwt': 'a JWT: another scheme of this sender' },
};
