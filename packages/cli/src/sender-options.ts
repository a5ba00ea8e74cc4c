import { suggest } from '@countersign/core/extend';
import { CommandError } from './command-error.ts';

/** An option of a sender's factory. */
interface SenderOption {
  /** How the text of `--option name=value` becomes the option's value. Default: it is the text itself. */
  readonly kind?: 'list' | 'number' | 'boolean' | 'json';
  /** Whether the sender can't do without it. */
  readonly required?: true;
  /** Whether the catalogue shows the sender with this option. Default: as `required`. */
  readonly shown?: true;
  /** Whether only the owner of the endpoint may know it. */
  readonly confidential?: true;
  readonly example: string;
}

/** What the factories take, by their names. Factories that are not listed take nothing. */
export const SENDER_OPTIONS: Readonly<Record<string, Readonly<Record<string, SenderOption>>>> = {
  agentMessage: { keyEncoding: { example: 'hex' } },
  appStore: {
    bundleId: { required: true, example: 'com.example.app' },
    appAppleId: { kind: 'number', example: '1234567890' },
    environment: { shown: true, example: 'sandbox' },
  },
  awsSns: {
    topicArns: { kind: 'list', required: true, example: 'arn:aws:sns:eu-west-1:123456789012:orders' },
    signatureVersions: { kind: 'list', example: '2' },
  },
  cloudinary: { algorithm: { example: 'sha256' } },
  contentful: { headers: { kind: 'json', example: '{"x-tenant":0}' } },
  convoy: {
    signatures: { example: 'simple' },
    hash: { example: 'sha512' },
    encoding: { example: 'base64' },
    header: { example: 'x-acme-signature' },
    version: { kind: 'number', example: '2' },
  },
  ebay: {
    verificationToken: { confidential: true, example: 'EBAY_TOKEN' },
    endpoint: { example: 'https://hooks.example.com/ebay' },
  },
  fusionAuth: { key: { required: true, example: 'hmac' } },
  googleChat: {
    audience: { required: true, example: '1234567890' },
    serviceAccountEmail: { example: 'chat@system.gserviceaccount.com' },
  },
  googlePubSub: {
    audience: { required: true, example: 'https://hooks.example.com/pubsub' },
    serviceAccountEmail: { required: true, example: 'push@project.iam.gserviceaccount.com' },
  },
  grafana: { timestampHeader: { example: 'x-grafana-alerting-timestamp' } },
  hook0: {
    headers: { kind: 'json', example: '{"x-tenant":0}' },
    v0: { kind: 'boolean', example: 'true' },
  },
  jiraConnect: { baseUrl: { required: true, example: 'https://app.example.com' } },
  liveKit: { apiKey: { kind: 'list', required: true, example: 'APIxxxxxxxx' } },
  meta: { verifyToken: { confidential: true, example: 'META_VERIFY_TOKEN' } },
  monday: { audience: { required: true, example: 'https://hooks.example.com/monday' } },
  okta: { header: { example: 'x-okta-secret' } },
  payPal: {
    webhookId: { required: true, example: '1AB23456CD789012E' },
    sandbox: { kind: 'boolean', example: 'true' },
    roots: { kind: 'list', example: 'PEM,PEM' },
  },
  standardWebhooksV1a: { headers: { example: 'svix' } },
  vonageSms: { method: { example: 'sha512' } },
};

/**
 * Turns the texts of `--option name=value` into what the factory takes.
 *
 * @throws CommandError if the sender has no such option, lacks one that it needs, or can't read a text.
 */
export function senderOptions(
  factory: string,
  sender: string,
  given: Readonly<Record<string, string>>,
): Record<string, unknown> | undefined {
  const known = Object.hasOwn(SENDER_OPTIONS, factory) ? (SENDER_OPTIONS[factory] ?? {}) : {};
  for (const name of Object.keys(given))
    if (!Object.hasOwn(known, name)) throw unknownOption(sender, name, known);
  const missing = Object.entries(known).filter(([name, { required }]) => required && !(name in given));
  if (missing.length > 0)
    throw new CommandError(
      `The sender "${sender}" needs ${missing.map(([name]) => `"${name}"`).join(' and ')}. Write, for example: ${missing.map(([name, { example }]) => `--option ${name}=${example}`).join(' ')}`,
    );
  const entries = Object.entries(given);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, text]) => [name, read(name, text, known[name])]));
}

/** Whether an option of some sender must not be on the command line. */
export function isConfidential(name: string): boolean {
  return Object.values(SENDER_OPTIONS).some(
    (known) => Object.hasOwn(known, name) && known[name]?.confidential,
  );
}

function unknownOption(
  sender: string,
  name: string,
  known: Readonly<Record<string, SenderOption>>,
): CommandError {
  const names = Object.keys(known);
  if (names.length === 0) return new CommandError(`The sender "${sender}" has no options. Remove --option.`);
  const near = suggest(name, names);
  return new CommandError(
    `The sender "${sender}" has no option "${name}". ${near === undefined ? `It has: ${names.join(', ')}.` : `Did you mean "${near}"?`}`,
  );
}

function read(name: string, text: string, option: SenderOption | undefined): unknown {
  switch (option?.kind) {
    case 'list':
      return text.split(',').map((item) => item.trim());
    case 'number':
      if (!/^\d{1,15}$/.test(text)) throw new CommandError(`The option "${name}" must be a number.`);
      return Number(text);
    case 'boolean':
      if (text !== 'true' && text !== 'false')
        throw new CommandError(`The option "${name}" must be true or false.`);
      return text === 'true';
    case 'json':
      try {
        return JSON.parse(text);
      } catch {
        throw new CommandError(`The option "${name}" must be JSON, for example '${option.example}'.`);
      }
    default:
      return text;
  }
}
