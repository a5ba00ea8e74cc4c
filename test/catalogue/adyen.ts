import { adyenPlatform } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'adyen',
  refusalStatus: 401,
  body: '{"live":"false","notificationItems":[{"NotificationRequestItem":{"additionalData":{},"amount":{"currency":"EUR","value":1000},"eventCode":"AUTHORISATION","merchantAccountCode":"TestMerchant","merchantReference":"order-#","pspReference":"psp-#","success":"true"}}]}',
  vectors: { 'adyen/banking': adyenPlatform },
};
