import { type DefinedScheme, defineScheme, WebhookError } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac, timedHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

/** Settings of {@link grafana}. */
export interface GrafanaOptions {
  /** The header of the time, in lower case, as in the settings of the contact point. Default: none, so that no time is signed. */
  readonly timestampHeader?: string;
}

const HEADER = 'x-grafana-alerting-signature';
const scheme = lazily(() => define(undefined));

function define(timestampHeader: string | undefined): DefinedScheme {
  return defineScheme({
    name: 'grafana',
    secret: { encoding: 'utf8' },
    signed:
      timestampHeader === undefined
        ? bodyHmac(HEADER)
        : timedHmac(HEADER, { header: timestampHeader, unit: 's' }, '{timestamp}:{body}'),
    identity: 'body',
    delivery: UNDOCUMENTED,
    about: {
      sender: 'Grafana Alerting',
      confidence: 'sender-code',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'When Grafana sends the alerts of a failed notification again was not found. Replacing the secret was not found either.',
      sources: [
        'https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/',
        'github.com/grafana/alerting receivers/webhook/v1/webhook.go',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        "Signatures came with Grafana 12, and need a secret in the contact point's HMAC settings. Leave the name of their header as it is.",
        "Set a header for the time there, too, and name it: `grafana({ timestampHeader: 'x-grafana-alerting-timestamp' })`. Without it, no time is signed.",
        ONE_RUN_PER_BODY,
        'After a failure Grafana does not repeat that notification at once: its code marks it as not to be retried.',
      ],
    },
  });
}

/**
 * Grafana Alerting: `X-Grafana-Alerting-Signature: <hex>` over the body, or over `{time}:{body}` if the contact point sends a time.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` for an unknown option, or a `timestampHeader` that is not the name of a header in lower case.
 * @example
 * ```ts
 * const scheme = grafana({ timestampHeader: 'x-grafana-alerting-timestamp' })
 * const verifier = createVerifier({ scheme, secrets: envSecrets('GRAFANA_HMAC_SECRET') })
 * ```
 */
export function grafana(options: GrafanaOptions = {}): DefinedScheme {
  const { timestampHeader, ...unknown } = options;
  const [key] = Object.keys(unknown);
  if (key !== undefined)
    throw new WebhookError(
      'ERR_WEBHOOK_CONFIG_INVALID',
      `grafana() has no option "${key}". It takes "timestampHeader".`,
    );
  return timestampHeader === undefined ? scheme() : define(timestampHeader);
}
