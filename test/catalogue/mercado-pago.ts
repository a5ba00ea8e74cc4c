import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'mercadoPago',
  refusalStatus: 401,
  url: 'https://hooks.example.com/mercado-pago?data.id=123456&type=payment',
};
