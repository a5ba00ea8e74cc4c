import { ada } from './ada.ts';
import { agentMessage } from './agent-message.ts';
import { anchorBrowser } from './anchor-browser.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { langsmith } from './langsmith.ts';
import { lemonSqueezy } from './lemon-squeezy.ts';
import { linear } from './linear.ts';
import { nylas } from './nylas.ts';
import { openai } from './openai.ts';
import { polyai } from './polyai.ts';
import { resend } from './resend.ts';
import { stripe } from './stripe.ts';
import { svix } from './svix.ts';
import { wooCommerce } from './woocommerce.ts';

/**
 * The vendors whose webhooks can be rotated, by their own names. They are grouped under one name because the schemes have the
 * same names.
 *
 * @example
 * ```ts
 * const vendor = vendors.polyai({ endpointId: 'whe_9ZtRcXw3nByK5pVqMaEfJs', apiKey })
 * ```
 */
export const vendors = {
  langsmith,
  agentMessage,
  polyai,
  ada,
  anchorBrowser,
  github,
  gitlab,
  linear,
  nylas,
  openai,
  lemonSqueezy,
  wooCommerce,
  resend,
  stripe,
  svix,
} as const;
