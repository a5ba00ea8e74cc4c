import { cloudinary } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'cloudinary',
  refusalStatus: 401,
  variants: { 'cloudinary, SHA-256': () => cloudinary({ algorithm: 'sha256' }) },
  vectors: { 'cloudinary/sha256': () => cloudinary({ algorithm: 'sha256' }) },
  at: { 'cloudinary/sha256': 7_952_342_400_000 },
};
