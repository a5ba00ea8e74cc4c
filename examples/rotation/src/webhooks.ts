import { type RotationVendor, vendors } from '@countersign/rotation';
import type { RotationKind, SimulatedSender } from '@countersign-internal/simulator';

/** A simulated sender's webhook for the rotation: only the URL is not the vendor's own. */
export function webhookOf(
  sender: SimulatedSender,
  kind: RotationKind,
  adaKey: 'custom' | 'generated',
): RotationVendor {
  const { apiUrl: baseUrl, endpointId: webhookId, credentials, account } = sender;
  const { apiKey, adminApiKey, tenantId } = credentials;
  switch (sender.vendor) {
    case 'langsmith':
      return vendors.langsmith({
        baseUrl,
        sessionId: account.sessionId ?? '',
        webhookId,
        apiKey,
        tenantId,
      });
    case 'agentMessage': {
      if (kind === 'organization') {
        return vendors.agentMessage({ baseUrl, rotates: 'organization', apiKey: adminApiKey });
      }
      // Test deliveries are left out: they are not events, and a run of the handler without an event counts as forged here.
      const { test, ...vendor } = vendors.agentMessage({ baseUrl, rotates: 'endpoint', webhookId, apiKey });
      return vendor;
    }
    case 'polyai':
      return vendors.polyai({ baseUrl, endpointId: webhookId, apiKey });
    case 'ada':
      return vendors.ada({ baseUrl, webhookId, token: apiKey, key: adaKey, graceSeconds: 0 });
    case 'anchorBrowser':
      return vendors.anchorBrowser({ baseUrl, webhookId, apiKey });
  }
}
