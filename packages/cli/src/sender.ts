import { isWebhookError, type Scheme } from '@countersign/core';
import { suggest } from '@countersign/core/extend';
import * as main from '@countersign/schemes';
import {
  circle,
  ebay,
  fal,
  fireblocks,
  fusionAuth,
  googleChat,
  googlePubSub,
  jiraConnect,
  kinde,
  liveKit,
  messageBird,
  monday,
  netlify,
  plaid,
  trueLayer,
  turnkey,
  upstashQStash,
  vonage,
  wix,
} from '@countersign/schemes/jwt';
import { appStore, awsSns, payPal } from '@countersign/schemes/x509';
import type { Command } from 'commander';
import { CommandError } from './command-error.ts';
import type { Console } from './console.ts';
import { addGivenOptions, type GivenOptions, readGivenOptions } from './given-options.ts';
import { isConfidential, senderOptions } from './sender-options.ts';

/** Makes the scheme of a sender. */
export type SenderFactory = (options?: unknown) => Scheme;

const JWT = {
  ...{ circle, ebay, fal, fireblocks, fusionAuth, googleChat, googlePubSub, jiraConnect, kinde, liveKit },
  ...{ messageBird, monday, netlify, plaid, trueLayer, turnkey, upstashQStash, vonage, wix },
};

/** Every sender's factory, by its name. In CommonJS, a module has more than its exports. */
export const SENDERS = Object.fromEntries(
  Object.entries({ ...main, ...JWT, appStore, awsSns, payPal }).filter(
    ([, make]) => typeof make === 'function',
  ),
) as unknown as Readonly<Record<string, SenderFactory>>;

/** The module that exports a sender's factory. */
export function moduleOf(factory: string): string {
  if (factory in main) return '@countersign/schemes';
  return `@countersign/schemes/${factory in JWT ? 'jwt' : 'x509'}`;
}

/**
 * Makes the scheme of a sender.
 *
 * @param name The sender as people write it: `stripe`, `google-pubsub`, `googlePubSub`, `GitHub`.
 * @param options What its factory takes, as texts: see {@link readSenderOptions}.
 * @throws CommandError that suggests a name if there is no such sender, or that names the options that the sender needs.
 * @example
 * ```ts
 * const scheme = findScheme(sender, readSenderOptions(options, console))
 * ```
 */
export function findScheme(name: string, options: Readonly<Record<string, string>> = {}): Scheme {
  const factory = findFactory(name);
  const given = senderOptions(factory, kebab(factory), options);
  try {
    return (SENDERS[factory] as SenderFactory)(given);
  } catch (error) {
    if (!isWebhookError(error)) throw error;
    throw new CommandError(`An option of the sender "${kebab(factory)}" is wrong. ${error.message}`);
  }
}

/**
 * The name of a sender's factory.
 *
 * @throws CommandError that suggests a name if there is no such sender.
 */
export function findFactory(name: string): string {
  const factories = Object.keys(SENDERS);
  const found = factories.find((factory) => plain(factory) === plain(name));
  if (found !== undefined) return found;
  const near = suggest(plain(name), factories.map(plain));
  const sender = factories.find((factory) => plain(factory) === near);
  throw new CommandError(
    `There is no sender "${name}". ${
      sender === undefined
        ? 'List them with: countersign senders. For a sender that is not in the catalogue, use defineScheme() in code.'
        : `Did you mean "${kebab(sender)}"?`
    }`,
  );
}

/** Adds `<sender>`, the options that some senders need, and `--public-url`. */
export function addSenderArgument(command: Command): Command {
  command.argument('<sender>', 'the sender, as "countersign senders" lists it');
  return addGivenOptions(command, 'sender').option(
    '--public-url <URL>',
    'the URL that you gave the sender, if the sender signs it',
  );
}

/** What {@link addSenderArgument} adds to the options of a command. */
export type SenderOptions = GivenOptions & { readonly publicUrl?: string };

/**
 * Reads the options of the sender's factory, for {@link findScheme}.
 *
 * @throws CommandError if one is malformed, is confidential, or names a variable that is not set.
 */
export function readSenderOptions(options: SenderOptions, console: Console): Record<string, string> {
  for (const text of options.option ?? []) {
    const name = text.split('=', 1)[0] ?? '';
    if (isConfidential(name))
      throw new CommandError(
        `"${name}" is confidential, and other users of this machine can see the command line. Put it into an environment variable and write --option-env ${name}=VARIABLE.`,
      );
  }
  return readGivenOptions(options, console);
}

/** The name as the command line writes it: `google-pub-sub`. */
export function kebab(factory: string): string {
  return factory.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A name without case and punctuation. */
export function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}
