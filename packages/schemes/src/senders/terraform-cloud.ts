import { type DefinedScheme, defineScheme } from '@countersign/core';
import { lazily } from '../lazily.ts';
import { bodyHmac } from './hmac-rules.ts';
import {
  ONE_RUN_PER_BODY,
  RETRIES_UNDOCUMENTED,
  ROTATION_UNDOCUMENTED,
  UNDOCUMENTED,
} from './shared-facts.ts';

const scheme = lazily(() =>
  defineScheme({
    name: 'terraform-cloud',
    secret: { encoding: 'utf8' },
    signed: bodyHmac('x-tfe-notification-signature', { hash: 'sha512' }),
    identity: 'body',
    delivery: UNDOCUMENTED,
    about: {
      sender: 'HCP Terraform (Terraform Cloud)',
      confidence: 'third-party',
      testedWith: 'formula-only',
      retryRules: 'unknown',
      checkedOn: '2026-12-01',
      notFound:
        'The pages about notifications were read in part: a token is optional and only for generic webhooks. Not found: retries, timeout and rotation. The signature comes from public code that receives these webhooks.',
      sources: [
        'https://developer.hashicorp.com/terraform/cloud-docs/workspaces/settings/notifications',
        'https://developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations',
      ],
      assumptions: [RETRIES_UNDOCUMENTED],
      rotation: ROTATION_UNDOCUMENTED,
      notes: [
        'In HCP Terraform, the token of a notification is optional. Without one, Countersign refuses every delivery.',
        ONE_RUN_PER_BODY,
      ],
    },
  }),
);

/**
 * HCP Terraform (Terraform Cloud): `X-TFE-Notification-Signature: <hex>`, HMAC-SHA512 of the body.
 *
 * - Identity: the body's bytes.
 * - Delivery: the sender does not document what it retries; a bad signature gets 503.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ scheme: terraformCloud(), secrets: envSecrets('TERRAFORM_NOTIFICATION_TOKEN') })
 * ```
 */
export function terraformCloud(): DefinedScheme {
  return scheme();
}
