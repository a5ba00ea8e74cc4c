import type { Guide } from './guide.ts';

/** A sender whose steps are known. */
export type GuidedSender = 'shopify' | 'slack' | 'twilio' | 'clerk' | 'docusign' | 'box';

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;
const TOLERANCE_SECONDS = 300;

/**
 * What each vendor's own pages say about the old secret, as read on 2026-12-01. Where they say nothing, the careful assumption is
 * made and named here.
 */
export const GUIDES: Readonly<Record<GuidedSender, Guide>> = {
  // https://shopify.dev/docs/apps/build/authentication-authorization/client-secrets/rotate-revoke-client-credentials: a second
  // secret is shown; accept both until after the old one is revoked. That an old secret can sign for an hour is from the page on
  // verifying deliveries. Retries: any failure, 8 attempts in 4 hours. Assumed: a retry may repeat its first signature, so the old
  // secret is kept for 4 hours longer.
  shopify: {
    name: 'shopify',
    secret: { encoding: 'utf8' },
    order: 'shown-first',
    obtain:
      'In the Dev Dashboard, open the app, then Settings. Under Credentials, rotate the client secret and copy the new one. Do not revoke the old one yet. If an earlier run was stopped here, a new secret is already there: copy that one.',
    switchOver:
      'Also give the new client secret to the code that calls the API with it. Then revoke the old client secret on the same page.',
    url: 'https://dev.shopify.com/dashboard',
    isShownAgain: true,
    retriesRefusals: true,
    graceSeconds: HOUR_SECONDS,
    overlapSeconds: 4 * HOUR_SECONDS,
  },
  // https://docs.slack.dev/authentication/verifying-requests-from-slack: one signing secret per app, which the page of the app shows.
  // No overlap is documented, so none is assumed. Retries after any failure: at once, after 1 minute, after 5 minutes.
  slack: {
    name: 'slack',
    secret: { encoding: 'utf8' },
    order: 'at-once',
    obtain:
      'Open the app, then Basic Information, App Credentials. Regenerate the signing secret, and pass on the new one at once: Slack retries a delivery only after one minute and after five.',
    url: 'https://api.slack.com/apps',
    isShownAgain: true,
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: TOLERANCE_SECONDS,
  },
  // https://www.twilio.com/docs/iam/api/secondary_authtoken and …/authtoken: a secondary token is made, then promoted, which deletes
  // the primary one. https://www.twilio.com/docs/api/errors/57012: webhooks are signed with the primary token. Twilio does not
  // retry, so the new token must be published before it is promoted. A person does it, although there is an API: the token that
  // would authenticate the calls is the one that is replaced.
  twilio: {
    name: 'twilio',
    secret: { encoding: 'utf8' },
    order: 'shown-first',
    obtain:
      'In the Console, open Account, API keys & tokens. Create a secondary auth token and copy it. Do not promote it yet. If there is one already, copy that one.',
    switchOver:
      'Also give the secondary token to everything that calls the API with the auth token. Then promote it to primary. Twilio deletes the old token at that moment.',
    url: 'https://console.twilio.com',
    isShownAgain: true,
    retriesRefusals: false,
    graceSeconds: 60,
    overlapSeconds: TOLERANCE_SECONDS,
  },
  // https://clerk.com/docs/guides/secure/rotate-api-keys, "Rotate a webhook signing secret": a second endpoint with the same URL and
  // events, then the old one is deleted; both deliver meanwhile. Assumed: the copies of an event have the same svix-id, as at Svix.
  clerk: {
    name: 'clerk',
    secret: { encoding: 'base64', prefix: 'whsec_', prefixOptional: true },
    order: 'shown-first',
    obtain:
      'In the Clerk Dashboard, open Webhooks. Add an endpoint with the same URL and the same events as the old one, and copy its signing secret. If an earlier run was stopped here, it is already there: copy its secret.',
    switchOver:
      'Send a test event from the page of the new endpoint. If the old endpoint has no pending retries, delete the old endpoint: Clerk gives up its deliveries.',
    url: 'https://dashboard.clerk.com/~/webhooks',
    isShownAgain: true,
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: TOLERANCE_SECONDS,
  },
  // https://developers.docusign.com/platform/webhooks/connect/hmac: each active key signs, with one numbered header per key. Assumed:
  // a removed key stops signing at once. A retry can come for days and may repeat its first signatures.
  docusign: {
    name: 'docusign',
    secret: { encoding: 'utf8' },
    order: 'shown-first',
    obtain:
      'In the settings, open Connect, Connect Keys. Add a secret key and copy it: DocuSign shows it only once. It signs at once, beside the old one.',
    switchOver: 'Delete the old secret key on the same page.',
    isShownAgain: false,
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: DAY_SECONDS,
  },
  // https://developer.box.com/guides/webhooks/v2/signatures-v2: a primary and a secondary key sign every delivery, in two headers.
  // Replacing one leaves the other valid. The target must list both keys as `current`, and `replaces` chooses one.
  box: {
    name: 'box',
    secret: { encoding: 'utf8' },
    order: 'at-once',
    obtain:
      'In the Developer Console, open the app, then Webhooks, Manage signature keys. Reset the key that you replace, primary or secondary, and copy the new one. The other key signs meanwhile, so no delivery is refused.',
    url: 'https://app.box.com/developers/console',
    isShownAgain: true,
    retriesRefusals: true,
    graceSeconds: 0,
    overlapSeconds: 600,
  },
};

/**
 * The senders whose steps are known, for `guided({ sender })`.
 *
 * @example
 * ```ts
 * if (guidedSenders.includes(name)) await rotate({ vendor: guided({ sender: name, ask: askInTerminal() }), target })
 * ```
 */
export const guidedSenders = Object.keys(GUIDES) as unknown as readonly [GuidedSender, ...GuidedSender[]];
