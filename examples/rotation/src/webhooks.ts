import { type RotationVendor, vendors } from '@countersign/rotation';
import {
  type AnySimulatedSender,
  type RotationKind,
  rotateThroughApi,
} from '@countersign-internal/simulator';

/** As long as a delivery signed with the old secret can arrive: the tolerance, and for GitHub the time until it is recovered. */
const OVERLAP_SECONDS = 300;

/** A simulated sender's webhook for the rotation: only the URL is not the vendor's own. */
export function webhookOf(
  sender: AnySimulatedSender,
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
    case 'github':
      return { ...settable(sender), retriesRefusals: false, makeKey: () => account.mintSecret() };
    case 'stripe':
      return { ...settable(sender), retriesRefusals: true };
    default:
      throw new Error(`The demo rotates no secret of ${sender.vendor}.`);
  }
}

/** A webhook of a vendor for which the package has no function: an object that makes the calls. */
function settable(sender: AnySimulatedSender): RotationVendor {
  return {
    name: sender.vendor,
    endpointId: sender.endpointId,
    secret: { encoding: 'utf8' },
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: OVERLAP_SECONDS,
    rotateCall: `the simulated ${sender.vendor}`,
    async rotate({ key, signal }) {
      const { status, secret } = await rotateThroughApi(sender, {
        signal,
        ...(key === undefined ? {} : { key }),
      });
      if (status !== 200) throw new Error(`${sender.vendor} responded with ${status}.`);
      return { secret: secret ?? key };
    },
  };
}
