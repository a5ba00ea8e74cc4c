import { github } from './github.ts';
import { resend } from './resend.ts';
import { stripe } from './stripe.ts';
import { svix } from './svix.ts';

/**
 * The senders from which deliveries can be recovered, by their own names. They are grouped under one name because the schemes have
 * the same names.
 *
 * @example
 * ```ts
 * const vendor = recoverable.github({ owner: 'acme', repo: 'shop', hookId: 12345678, token: process.env.GITHUB_TOKEN })
 * ```
 */
export const recoverable = { github, stripe, svix, resend } as const;
