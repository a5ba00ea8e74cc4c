import { checkChoice, checkFunction, checkKeys, configError } from '@countersign/core/extend';
import type { Ask, Guide, GuidedVendor } from './guide.ts';
import { GUIDES, type GuidedSender, guidedSenders } from './senders.ts';

/** Options of {@link guided}. */
export interface GuidedOptions {
  /** The sender, or your own description of the steps. */
  sender: GuidedSender | Guide;
  /** What the journal and messages call the webhook, for example the name of the app. Default: the sender's name. */
  endpointId?: string;
  /** Shows a step to a person and waits: `askInTerminal()`, or your own function. */
  ask: Ask;
}

/**
 * A webhook at a vendor that has no API for its secret. `rotate()` tells a person what to do, waits, and publishes the new secret
 * around it, so that no delivery is lost. With `health`, it also waits for the first delivery that matches the new secret before it
 * trusts it: a wrong secret that was pasted is noticed while the old one still counts.
 *
 * If it is killed, the next run goes on from there. The new secret is never shown or logged.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * await rotate({ vendor: guided({ sender: 'slack', ask: askInTerminal() }), target: fileTarget('/run/secrets/slack.json'), health })
 * ```
 */
export function guided(options: GuidedOptions): GuidedVendor {
  options = checkKeys('guided()', options, ['sender', 'endpointId', 'ask']);
  const { sender, ask } = options;
  checkFunction('ask', ask);
  if (ask === undefined) throw configError('"ask" is required: it shows a step to a person and waits.');
  const guide =
    typeof sender === 'object' ? readGuide(sender) : GUIDES[checkChoice('sender', sender, guidedSenders)];
  const endpointId = options.endpointId ?? guide.name;
  if (typeof endpointId !== 'string' || endpointId === '') {
    throw configError('"endpointId" of guided() must be a text that names the webhook.');
  }
  const { name, secret, retriesRefusals, graceSeconds, overlapSeconds, url } = guide;
  return {
    name,
    endpointId,
    secret,
    retriesRefusals,
    graceSeconds,
    overlapSeconds,
    rotateCall: `A person does it${url === undefined ? '' : ` at ${url}`}: ${guide.switchOver ?? guide.obtain}`,
    guide: { ...guide, ask },
  };
}

function readGuide(guide: Guide): Guide {
  const { name, order, obtain, switchOver } = guide;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(name)) {
    throw configError('"sender.name" of guided() must consist of lower-case letters, digits and hyphens.');
  }
  checkChoice('sender.order', order, ['shown-first', 'at-once']);
  if (typeof obtain !== 'string' || (order === 'shown-first' && typeof switchOver !== 'string')) {
    throw configError(
      '"sender" of guided() must say what the person does: "obtain" and, with "shown-first", "switchOver".',
    );
  }
  return guide;
}
