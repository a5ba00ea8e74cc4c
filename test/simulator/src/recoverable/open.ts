import { RecoverableApi, type VendorApi } from './api.ts';
import { Deliveries, type EventForm } from './deliveries.ts';
import type { RecoverableSender, RecoverableSenderOptions } from './recoverable-sender.ts';

/** One vendor: how its events look, and its API over them. */
export interface VendorAccount extends Pick<RecoverableSender, 'access' | 'secret' | 'assumptions'> {
  readonly form: EventForm;
  api(deliveries: Deliveries, apiUrl: () => string): VendorApi;
}

/** Starts the account's API. */
export async function open(
  { form, access, secret, assumptions, api: vendorApi }: VendorAccount,
  { receiverUrl, retriesAfterMs = [] }: RecoverableSenderOptions,
): Promise<RecoverableSender> {
  const deliveries = new Deliveries(form, { receiverUrl, retriesAfterMs });
  let apiUrl = '';
  const api = new RecoverableApi(vendorApi(deliveries, () => apiUrl));
  apiUrl = await api.listen();
  return {
    apiUrl,
    api,
    access,
    secret,
    assumptions,
    emit: (createdAt = new Date()) => deliveries.emit(createdAt),
    repeatAll() {
      for (const { id } of deliveries.all) deliveries.repeat(id);
    },
    events: () => deliveries.all,
    idle: () => deliveries.idle(),
    async close() {
      await Promise.all([deliveries.close(), api.close()]);
    },
  };
}
