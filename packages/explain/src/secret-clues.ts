import { createSecretKey } from 'node:crypto';
import { createKeyring, type Scheme, staticSecrets } from '@countersign/core';
import type { CauseCode, Finding } from './cause.ts';
import { definitionOf } from './rule-facts.ts';
import { INVISIBLE, type ListedSecret, prefixesOf, QUOTES, textOf } from './secret-variants.ts';

/** The beginnings of texts that are API keys, tokens or ids, and never signing secrets. */
const API_KEYS: readonly (readonly [RegExp, string])[] = [
  [/^(?:sk|rk|pk)_(?:test|live)_/, 'an API key of Stripe, Clerk or a similar sender'],
  [/^sk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{16}/, 'an API key of OpenAI or Anthropic'],
  [/^SG\.[\w-]{16}/, 'an API key of SendGrid'],
  [/^xox[abeprs]-/, 'a token of Slack'],
  [/^xapp-/, 'an app-level token of Slack'],
  [/^(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{16}|^github_pat_/, 'a token of GitHub'],
  [/^gl(?:pat|ptt|dt|rt|cbt|ft|agent)-/, 'a token of GitLab'],
  [/^shp(?:at|ca|pa)_/, 'an access token of Shopify'],
  [/^lin_(?:api|oauth)_/, 'an API key of Linear'],
  [/^re_[A-Za-z0-9]{6,}_/, 'an API key of Resend'],
  [/^pdl_(?:live|sdbx)_apikey_/, 'an API key of Paddle'],
  [/^(?:AC|SK)[0-9a-f]{32}$/, 'an id of Twilio'],
  [/^AKIA[0-9A-Z]{16}$/, 'an access key of AWS'],
  [/^AIza[\w-]{30}/, 'an API key of Google'],
  [/^pat-(?:na|eu)[0-9]-/, 'an access token of HubSpot'],
  [/^EAAA[A-Za-z0-9_-]{30}/, 'an access token of Square'],
  [/^rzp_(?:test|live)_/, 'a key id of Razorpay'],
  [/^(?:lsv2_(?:pt|sk))_/, 'an API key of LangSmith'],
  [/^eyJ[\w-]+\.eyJ[\w-]+\./, 'a JSON Web Token'],
];

/** Senders that sign with the API key itself. */
const SIGN_WITH_API_KEY: ReadonlySet<string> = new Set(['paystack', 'retell', 'dropbox-sign']);

/** What a secret's text itself shows. */
export function secretClues(scheme: Scheme<unknown>, secrets: readonly ListedSecret[]): readonly Finding[] {
  const mistaken = mistakenFor(scheme);
  return secrets.flatMap(({ position, secret }): Finding[] => {
    if (secret === undefined || secret.length === 0)
      return [
        {
          code: 'secret-placeholder',
          message: `The secret "${position}" is empty or missing. If it comes from a variable, the variable is not set.`,
          evidence: { position },
        },
      ];
    const text = textOf(secret).trim();
    const own = mistaken.find(([start]) => text.startsWith(start));
    if (own !== undefined)
      return [
        {
          code: 'secret-api-key',
          message: `The secret "${position}" begins with "${own[0]}", which is ${own[1]}.`,
          evidence: { position },
        },
      ];
    const known = API_KEYS.find(([pattern]) => pattern.test(text));
    if (known === undefined || SIGN_WITH_API_KEY.has(scheme.name)) return [];
    return [
      {
        code: 'secret-api-key',
        message: `The secret "${position}" looks like ${known[1]}, not like a signing secret.`,
        evidence: { position },
      },
    ];
  });
}

/** What people paste instead of this sender's secret, by how it begins. */
function mistakenFor(scheme: Scheme<unknown>): readonly (readonly [start: string, what: string])[] {
  return [definitionOf(scheme)?.secret ?? []]
    .flat()
    .flatMap((kind) => Object.entries(('mistakenFor' in kind ? kind.mistakenFor : undefined) ?? {}));
}

/** Whether core refuses a secret whatever the format of the scheme is. */
function isRefusedAsText(scheme: Scheme<unknown>, secret: string | Uint8Array): boolean {
  const key = createSecretKey(Buffer.alloc(32, 1));
  try {
    const anyFormat = { ...scheme, importKey: () => key };
    void createKeyring(staticSecrets({ current: secret }), { scheme: anyFormat }).close();
    return false;
  } catch {
    return true;
  }
}

/** Why a set was refused, for secrets that no variant explains. */
export function refusedSecretClues(
  scheme: Scheme<unknown>,
  secrets: readonly ListedSecret[],
): readonly Finding[] {
  return secrets.flatMap(({ position, secret }): Finding[] => {
    if (secret === undefined) return [];
    const text = textOf(secret);
    const finding = (code: CauseCode, message: string): Finding[] => [
      { code, message, evidence: { position } },
    ];
    if (text.replace(INVISIBLE, '') !== text && !text.includes('-----BEGIN'))
      return finding('secret-whitespace', `The secret "${position}" begins or ends with white space.`);
    if (QUOTES.test(text)) return finding('secret-quotes', `The secret "${position}" is in quotation marks.`);
    const prefixes = prefixesOf(scheme);
    if (isRefusedAsText(scheme, secret))
      return finding(
        'secret-placeholder',
        `The secret "${position}" is a placeholder, or a whole line or file instead of the value alone.`,
      );
    if (prefixes.length > 0 && !prefixes.some((prefix) => text.startsWith(prefix)))
      return finding(
        'secret-prefix',
        `The secret "${position}" does not begin with "${prefixes[0]}", or is not in the sender's format.`,
      );
    return finding(
      'secret-encoding',
      `The secret "${position}" is not in the format of this sender: too short, or not in its encoding.`,
    );
  });
}
