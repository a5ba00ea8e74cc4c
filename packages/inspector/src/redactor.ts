import type { DefinedScheme, Scheme, SignatureRule } from '@countersign/core';
import type { NotedSecrets } from './noted-secrets.ts';

/** What is shown instead of a secret. */
const REMOVED = '[secret removed]';
/** Shorter texts are in every body. */
const MIN_LENGTH = 6;
const STAR = '*'.charCodeAt(0);

/**
 * Removes the secrets of one verifier from what is shown, recorded or printed: some senders send the secret itself, and an application
 * may echo it.
 */
export class Redactor {
  readonly #secrets: Pick<NotedSecrets, 'all'>;
  readonly #tokenHeaders: readonly string[];
  readonly #tokenParameters: readonly string[];
  readonly #credentials: readonly string[];
  #written: readonly string[] = [];
  #writtenOf = -1;

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
    let text = given;
    for (const form of this.#forms()) if (text.includes(form)) text = text.replaceAll(form, REMOVED);
    return text;
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
    let bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    for (const form of this.#forms()) {
      for (let at = bytes.indexOf(form); at !== -1; at = bytes.indexOf(form, at + 1)) {
        if (bytes.buffer === given.buffer) bytes = Buffer.from(bytes);
        bytes.fill(STAR, at, at + Buffer.byteLength(form));
      }
    }
    return bytes;
  }

  /** The ways in which a secret may be written, the longest first. */
  #forms(): readonly string[] {
    const secrets = this.#secrets.all();
    if (secrets.length === this.#writtenOf) return this.#written;
    const forms = new Set<string>(this.#credentials);
    for (const secret of secrets) {
      const bytes = Buffer.from(secret as string);
      const texts = [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')];
      if (typeof secret === 'string') {
        const text = secret.trim();
        texts.push(secret, text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1));
        // Without the text before it: "whsec_".
        texts.push(text.replace(/^(?:[a-z0-9]{1,12}[_,])+/i, ''));
      } else if (/^[\x20-\x7e]+$/.test(bytes.toString('latin1'))) texts.push(bytes.toString('latin1'));
      for (const each of texts) if (each.length >= MIN_LENGTH) forms.add(each.replace(/=+$/, ''));
    }
    this.#writtenOf = secrets.length;
    this.#written = [...forms].sort((a, b) => b.length - a.length);
    return this.#written;
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
  const rules = [definition.signed].flat() as readonly SignatureRule[];
  return rules.flatMap(({ algorithm, signature }) => ('token' in algorithm ? [signature] : []));
}

function escaped(text: string): string {
  return text.replace(/[^\w]/g, '\\$&');
}
