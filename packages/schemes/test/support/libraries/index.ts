import { BODY_SIGNED } from './body-signed.ts';
import type { Library } from './library.ts';
import { OCTOKIT } from './octokit.ts';
import { PUBLIC_KEYS } from './public-keys.ts';
import { STANDARD } from './standard.ts';
import { STRIPE } from './stripe.ts';
import { TIME_SIGNED } from './time-signed.ts';

/** What senders publish for their receivers, by the name of the package. */
export const LIBRARIES: Readonly<Record<string, Library>> = {
  ...STANDARD,
  stripe: STRIPE,
  ...TIME_SIGNED,
  '@octokit/webhooks-methods': OCTOKIT,
  ...BODY_SIGNED,
  ...PUBLIC_KEYS,
};
