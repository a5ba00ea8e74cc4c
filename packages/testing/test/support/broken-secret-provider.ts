import { inspect } from 'node:util';
import { type SecretProvider, type SecretSetInput, secretsGone, WebhookError } from '@countersign/core';
import type { SecretProviderTarget, SourceFault } from '@countersign/testing';

/** Mistakes that providers of secrets are known for. The conformance cases must notice each. */
export const FLAWS = [
  'loads once, then repeats it',
  'answers a load behind',
  'returns the last set when the source fails',
  'returns an empty set when the secret is missing',
  'accepts everything that the source returns',
  'quotes the response in the error',
  'quotes the response in the error, in base64',
  'throws the error of the client',
  'one message for all failures',
  'an error without a word',
  'loads share one that hangs',
  'a load that overlaps another gets nothing',
  'trims the secret',
  'folds the secret',
  'accepts the secret for Latin-1',
  'decodes the secret',
  'lists every old secret as previous',
  'lists no previous',
  'previous and current are swapped',
  'the oldest is previous',
  'the previous one is next too',
  'takes a set for a secret',
  'drops the ends of a set',
  'drops what a set announces as next',
  'drops the version of a set',
  'takes a set with unknown fields',
  'takes the text for a secret if the set is broken',
  'the version stays',
  'the version changes by itself',
  'the name is the secret',
  'no name',
  'shows the secret it has loaded',
  'an empty secret is padded',
] as const;

export type Flaw = (typeof FLAWS)[number];

/** A provider as plain as can be, over a source in memory, right but for one flaw. */
export function brokenSecretProvider(flaw?: Flaw): SecretProviderTarget {
  const versions: string[] = [];
  const hanging: ((error: Error) => void)[] = [];
  let fault: SourceFault | undefined;
  let loads = 0;
  let shared: Promise<string> | undefined;
  let kept: SecretSetInput | undefined;
  let isBusy = false;

  async function ask(): Promise<string> {
    if (fault === 'hanging') await new Promise((_, reject) => hanging.push(reject));
    await Promise.resolve();
    const now = versions.at(-1) ?? '';
    if (fault === 'garbage') return `<html>${now}</html>`;
    if (fault !== undefined) throw new Error(fault);
    return now;
  }

  function failure(reason: string, answer = versions.at(-1) ?? ''): Error {
    if (flaw === 'throws the error of the client') return new Error(reason);
    const quoted = flaw === 'quotes the response in the error' ? answer : '';
    const coded =
      flaw === 'quotes the response in the error, in base64' ? Buffer.from(answer).toString('base64') : '';
    const said = flaw === 'one message for all failures' ? 'something' : reason;
    const message = `The secret in memory could not be read: ${said} ${quoted}${coded}.`;
    return new WebhookError('ERR_WEBHOOK_PROVIDER_FAILED', flaw === 'an error without a word' ? '' : message);
  }

  function secretOf(text: string): string {
    if (text === '' && flaw === 'an empty secret is padded') return ' '.repeat(20).replaceAll(' ', 'x1');
    if (flaw === 'trims the secret') return text.replace(/\W+/g, '');
    if (flaw === 'folds the secret') return text.toLowerCase().normalize('NFD');
    if (flaw === 'accepts the secret for Latin-1') return Buffer.from(text).toString('latin1');
    return flaw === 'decodes the secret' ? text.replace(/^whsec_/, '') : text;
  }

  function wholeSet(text: string): SecretSetInput | undefined {
    if (!text.startsWith('{') || flaw === 'takes a set for a secret') return undefined;
    try {
      const { current, previous, next, version, ...unknown } = JSON.parse(text);
      const isMisspelt = Object.keys({ ...unknown, ...current }).some((key) =>
        /^(?:key|notafter)$/.test(key),
      );
      if ((current === undefined || isMisspelt) && flaw !== 'takes a set with unknown fields') {
        throw failure('form');
      }
      if (flaw === 'drops the ends of a set') for (const one of previous ?? []) delete one.notAfter;
      return {
        current: current ?? Object.values(unknown),
        previous,
        ...(flaw === 'drops what a set announces as next' ? {} : { next }),
        ...(flaw === 'drops the version of a set' ? {} : { version }),
      };
    } catch {
      if (flaw === 'takes the text for a secret if the set is broken') return undefined;
      throw failure('form', text);
    }
  }

  function setOf(text: string): SecretSetInput {
    const whole = wholeSet(text);
    if (whole !== undefined) return whole;
    const current = secretOf(text);
    const replaced = versions.slice(0, -1).toReversed().map(secretOf);
    const old = flaw === 'the oldest is previous' ? replaced.slice(-1) : replaced.slice(0, 1);
    const version = flaw === 'the version stays' ? '1' : String(versions.length);
    const set = { current, version: flaw === 'the version changes by itself' ? `${loads}` : version };
    if (old[0] === undefined || flaw === 'lists no previous') return set;
    if (flaw === 'previous and current are swapped') return { ...set, current: old, previous: current };
    if (flaw === 'lists every old secret as previous') return { ...set, previous: replaced };
    return { ...set, previous: old, ...(flaw === 'the previous one is next too' ? { next: old } : {}) };
  }

  async function load(): Promise<SecretSetInput> {
    loads++;
    let text: string;
    try {
      const asked = (flaw === 'loads share one that hangs' ? shared : undefined) ?? ask();
      shared = asked;
      text = await asked;
      shared = undefined;
    } catch (error) {
      if (flaw === 'returns the last set when the source fails' && kept !== undefined) return kept;
      if (flaw === 'returns an empty set when the secret is missing' && fault === 'missing')
        return { current: [] };
      if (flaw === undefined && fault === 'missing')
        throw secretsGone('The secret is missing. Store it again.');
      throw failure((error as Error).message);
    }
    if (text.startsWith('<html>') && flaw !== 'accepts everything that the source returns')
      throw failure('form', text);
    if (text === '' && flaw !== 'an empty secret is padded') throw failure('empty');
    return setOf(text);
  }

  const provider: SecretProvider & { seen?: unknown } = {
    get name() {
      if (flaw === 'no name') return '';
      return flaw === 'the name is the secret' ? `memory ${versions.at(-1)}` : 'memory';
    },
    async load() {
      if (flaw === 'loads once, then repeats it' && kept !== undefined) return kept;
      if (flaw === 'a load that overlaps another gets nothing' && isBusy) return { current: [] };
      isBusy = true;
      const before = kept;
      try {
        kept = await load();
      } finally {
        isBusy = false;
      }
      if (flaw === 'shows the secret it has loaded') provider.seen = inspect(kept, { depth: 9 });
      return flaw === 'answers a load behind' ? (before ?? kept) : kept;
    },
  };

  return {
    provider,
    async put(secret) {
      versions.push(secret);
    },
    fail(next) {
      fault = next;
      // What hangs goes on hanging, as a dead connection would, until the source is closed.
    },
    async close() {
      for (const reject of hanging) reject(new Error('closed'));
    },
  };
}
