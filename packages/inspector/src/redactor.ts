import type { DefinedScheme, Scheme, SignatureRule } from '@countersign/core';
import { rulesOf } from '@countersign/core/extend';
import type { NotedSecrets } from './noted-secrets.ts';
import { spellingsOf } from './spellings.ts';

/** What is shown instead of a secret. */
const REMOVED = '[secret removed]';
/** Shorter texts are in every body. */
const MIN_LENGTH = 6;
const STAR = '*'.charCodeAt(0);

/** Finds secrets in texts and in bytes. `undefined` if there are none. */
interface Patterns {
  readonly text: RegExp | undefined;
  readonly bytes: RegExp | undefined;
}

/**
 * Removes the secrets of one verifier from what is shown, recorded or printed: some senders send the secret itself, and an application
 * may echo it.
 */
export class Redactor {
  readonly #secrets: Pick<NotedSecrets, 'all'>;
  readonly #tokenHeaders: readonly string[];
  readonly #tokenParameters: readonly string[];
  readonly #credentials: readonly string[];
  #patterns: Patterns = { text: undefined, bytes: undefined };
  #patternsOf = -1;

  /** @param publicUrl The URL that the sender was given: it may contain a user name and a password. */
  constructor(secrets: Pick<NotedSecrets, 'all'>, scheme: Scheme, publicUrl?: string) {
    this.#secrets = secrets;
    this.#credentials = credentialsIn(publicUrl);
    const tokens = tokenLocations(scheme);
    this.#tokenHeaders = tokens.flatMap(({ header }) => [header ?? []].flat());
    this.#tokenParameters = tokens.flatMap(({ query }) => query ?? []);
  }

  /** A text without secrets. */
  text(given: string): string {
    const { text } = this.#spellings();
    return text === undefined ? given : given.replace(text, REMOVED);
  }

  /** A request target without secrets. */
  url(given: string): string {
    let url = this.text(given);
    for (const name of this.#tokenParameters)
      url = url.replace(
        new RegExp(`([?&]${escaped(name)}=)[^&#]*`, 'g'),
        (_, before: string) => before + REMOVED,
      );
    return url;
  }

  /** Raw pairs of headers without secrets. A header that carries a token is removed even if its token is wrong. */
  headers(pairs: readonly string[]): string[] {
    return pairs.map((each, at) => {
      const name = at % 2 === 1 ? (pairs[at - 1] ?? '').toLowerCase() : undefined;
      return name !== undefined && this.#tokenHeaders.includes(name) ? REMOVED : this.text(each);
    });
  }

  /** A body in which secrets are overwritten with stars, so that it keeps its length. */
  bytes(given: Uint8Array): Buffer {
    const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    const pattern = this.#spellings().bytes;
    if (pattern === undefined) return bytes;
    let changed: Buffer | undefined;
    for (const { index, 0: found } of bytes.toString('latin1').matchAll(pattern)) {
      changed ??= Buffer.from(bytes);
      changed.fill(STAR, index, index + found.length);
    }
    return changed ?? bytes;
  }

  /** What finds the secrets in the ways in which they may be written. */
  #spellings(): Patterns {
    const secrets = this.#secrets.all();
    if (secrets.length === this.#patternsOf) return this.#patterns;
    const forms = new Set<string>(this.#credentials);
    for (const secret of secrets) {
      const bytes = Buffer.from(secret as string);
      const hex = bytes.toString('hex');
      const texts = [bytes.toString('base64'), bytes.toString('base64url'), hex, hex.toUpperCase()];
      if (typeof secret === 'string') {
        const text = secret.trim();
        texts.push(secret, text);
        // Without the text before it: "whsec_".
        texts.push(text.replace(/^(?:[a-z0-9]{1,12}[_,])+/i, ''));
      } else if (/^[\x20-\x7e]+$/.test(bytes.toString('latin1'))) texts.push(bytes.toString('latin1'));
      for (const each of texts) if (each.length >= MIN_LENGTH) forms.add(each.replace(/=+$/, ''));
    }
    const longestFirst = [...forms].sort((a, b) => b.length - a.length);
    this.#patternsOf = secrets.length;
    this.#patterns = { text: spellingsOf(longestFirst, false), bytes: spellingsOf(longestFirst, true) };
    return this.#patterns;
  }
}

/** The password of a URL, and how HTTP Basic sends it. */
function credentialsIn(url: string | undefined): readonly string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { username, password } = new URL(url);
  if (password === '') return [];
  try {
    const decoded = decodeURIComponent(password);
    return [password, decoded, Buffer.from(`${decodeURIComponent(username)}:${decoded}`).toString('base64')];
  } catch {
    return [password];
  }
}

function tokenLocations(scheme: Scheme): SignatureRule['signature'][] {
  const { definition } = scheme as Partial<DefinedScheme>;
  if (definition?.signed === undefined) return [];
  return rulesOf(definition).flatMap(({ algorithm, signature }) => ('token' in algorithm ? [signature] : []));
}

function escaped(text: string): string {
  return text.replace(/[^\w]/g, '\\$&');
}
