import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'twilio',
  refusalStatus: 401,
  url: 'https://hooks.example.com/twilio?tenant=1',
  body: 'CallSid=CA#&From=%2B15551234567&To=%2B15557654321',
};
