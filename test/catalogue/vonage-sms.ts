import { vonageSms } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'vonageSms',
  refusalStatus: 401,
  method: 'GET',
  url: 'https://hooks.example.com/vonage?msisdn=15551234567&text=a%26b%3Dc',
  variants: {
    'vonage-sms, MD5 hash': () => vonageSms({ method: 'md5hash' }),
    'vonage-sms, SHA-512': () => vonageSms({ method: 'sha512' }),
  },
  vectors: {
    'vonage/sms-md5hash': () => vonageSms({ method: 'md5hash' }),
    'vonage/sms-md5': () => vonageSms({ method: 'md5' }),
    'vonage/sms-sha1': () => vonageSms({ method: 'sha1' }),
    'vonage/sms-sha256': () => vonageSms({ method: 'sha256' }),
    'vonage/sms-sha512': () => vonageSms({ method: 'sha512' }),
  },
  at: { 'vonage/sms': 1_385_047_698 },
  beyond: { 'vonage/jwt': 'a JWT: another scheme of this sender' },
};
