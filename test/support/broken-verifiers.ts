import { createHmac } from 'node:crypto';
import {
  createVerifier,
  type DefinedScheme,
  isWebhookError,
  type LoadSecrets,
  memoryReplayStore,
  type ReplayStore,
  type Scheme,
  type Verifier,
  type VerifierOptions,
} from '@countersign/core';
import type { Key, Match, ParsedHead, RequestHead } from '@countersign/core/extend';
import { isClassic, rulesOf } from './rules.ts';

type MakeVerifier = (options: VerifierOptions) => Verifier;

/** Verifiers with one mistake each: the mistakes of real verifiers. */
export const BROKEN_VERIFIERS: Readonly<Record<string, MakeVerifier>> = {
  'accepts every signature': scheme((real) => ({
    parseHead: (head) => ({ ...openedOr(real, head), match: (_, keys) => matchOf(keys[0]) }),
  })),
  'accepts what does not match, and nothing else': scheme((real) => ({
    parseHead(head) {
      const opened = real.parseHead(head);
      const match: ParsedHead['match'] = (body, keys) =>
        opened.match(body, keys) === undefined ? matchOf(keys[0]) : undefined;
      return { ...opened, match };
    },
  })),
  'compares up to the shorter length': scheme((real) => ({ parseHead: (head) => openByPrefix(real, head) })),
  'verifies the body as text, regardless of its bytes': scheme((real) => ({
    parseHead: (head) =>
      seeing(real.parseHead(head), (body) => Buffer.from(Buffer.from(body).toString('utf8'))),
  })),
  'parses the body and verifies what it writes again': scheme((real) => ({
    parseHead: (head) => seeing(real.parseHead(head), rewritten),
  })),
  'reads only the first of repeated headers': scheme((real) => ({
    parseHead: (head) => real.parseHead(firstOnly(head)),
  })),
  'skips verification if it has no secret': skippingWithoutSecret,
  'does not check the time': scheme((real) => ({
    parseHead(head) {
      const { signedAt: _, ...opened } = real.parseHead(head);
      return opened;
    },
  })),
  'claims nothing': (options) => createVerifier({ ...options, replay: false }),
  'never releases': (options) =>
    createVerifier(
      options.replay === false
        ? options
        : { ...options, replay: { ...storeOf(options), release: async () => true } },
    ),
  'commits before the handler': committingEarly,
};

function scheme(change: (real: DefinedScheme) => Pick<Scheme, 'parseHead'>): MakeVerifier {
  return (options) => {
    const real = definedScheme(options.scheme);
    return createVerifier({ ...options, scheme: { ...real, ...change(real) } });
  };
}

function definedScheme(real: Scheme): DefinedScheme {
  if ('definition' in real) return real as DefinedScheme;
  throw new TypeError('Only defined schemes can be broken here.');
}

function matchOf(key: Key | undefined): Match | undefined {
  if (key === undefined) return undefined;
  const { id, role } = key;
  return { key: { id, role }, identity: 'body', bodyAuthenticated: true, unsignedHeaders: {} };
}

/** Headers that can't be read stop it as little as signatures that are wrong. */
function openedOr(real: DefinedScheme, head: RequestHead): ParsedHead {
  try {
    return real.parseHead(head);
  } catch (error) {
    if (!isWebhookError(error)) throw error;
    return { match: () => undefined };
  }
}

function seeing(opened: ParsedHead, bytes: (body: Uint8Array) => Uint8Array): ParsedHead {
  return { ...opened, match: (body, keys) => opened.match(bytes(body), keys) };
}

function rewritten(body: Uint8Array): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(JSON.parse(Buffer.from(body).toString('utf8'))));
  } catch {
    return body;
  }
}

function firstOnly(head: RequestHead): RequestHead {
  const { method, url, publicUrl } = head;
  return {
    method,
    url,
    publicUrl,
    values: (name) => head.values(name).slice(0, 1),
    value: (name) => head.values(name)[0],
  };
}

/** If the strict reading finds no signature, any prefix of the right one is enough. */
function openByPrefix(real: DefinedScheme, head: RequestHead): ParsedHead {
  try {
    return real.parseHead(head);
  } catch (error) {
    const opened = isWebhookError(error) ? looselyOpened(real, head) : undefined;
    if (opened === undefined) throw error;
    return opened;
  }
}

function looselyOpened({ definition }: DefinedScheme, head: RequestHead): ParsedHead | undefined {
  for (const form of rulesOf({ definition })) {
    if (!isClassic(definition, form)) continue;
    const { signature, content, algorithm, id, timestamp } = form;
    if (signature.encoding === 'hex-upper') continue;
    const { encoding, list, prefix = '' } = signature;
    const text = head.value(signature.header);
    if (text === undefined) continue;
    const entries = list === undefined ? [text.slice(prefix.length)] : text.split(list.separator);
    const labelled = list?.label === undefined ? '' : `${list.label}${list.assign ?? ''}`;
    const found = entries
      .filter((entry) => entry.startsWith(labelled))
      .map((entry) => entry.slice(labelled.length));
    const entry = entries.find((entry) => entry.startsWith(`${timestamp?.entry}=`))?.slice(2);
    const time = timestamp?.header === undefined ? entry : head.value(timestamp.header);
    const signedId = id && head.value(id.header);
    if (timestamp !== undefined && !/^[0-9]{10}$/.test(time ?? '')) return undefined;
    if (id !== undefined && !/^[\w-]{1,64}$/.test(signedId ?? '')) return undefined;
    const [before = '', after = ''] = content
      .replace('{id}', () => signedId ?? '')
      .replace('{timestamp}', () => time ?? '')
      .split('{body}');
    return {
      match(body, keys) {
        const right = (key: Key) =>
          createHmac(algorithm.hmac, key.key).update(before).update(body).update(after).digest(encoding);
        return matchOf(keys.find((key) => found.some((given) => right(key).startsWith(given))));
      },
    };
  }
  return undefined;
}

function skippingWithoutSecret(options: VerifierOptions): Verifier {
  const { secrets } = options;
  if (typeof secrets !== 'function') return createVerifier(options);
  const nobodys = 'a dummy key instead of none';
  const load: LoadSecrets = async (context) => {
    try {
      return await secrets(context);
    } catch {
      return { current: { secret: nobodys, id: 'none' } };
    }
  };
  const broken = scheme((real) => ({
    parseHead(head) {
      const opened = openedOr(real, head);
      return {
        ...opened,
        match: (body, keys) => (keys[0]?.id === 'none' ? matchOf(keys[0]) : opened.match(body, keys)),
      };
    },
  }));
  return broken({ ...options, secrets: load });
}

function storeOf({ replay, clock }: VerifierOptions): ReplayStore {
  const store = typeof replay === 'object' ? replay : memoryReplayStore(clock === undefined ? {} : { clock });
  return {
    claim: (key, claim) => store.claim(key, claim),
    renew: (key, token, leaseMs) => store.renew(key, token, leaseMs),
    commit: (key, token, terms) => store.commit(key, token, terms),
    release: (key, token) => store.release(key, token),
    forget: (key) => store.forget(key),
  };
}

function committingEarly(options: VerifierOptions): Verifier {
  const real = createVerifier(options);
  return {
    scheme: real.scheme,
    endpoint: real.endpoint,
    ready: () => real.ready(),
    verify: (request) => real.verify(request),
    claim: (webhook) => real.claim(webhook),
    forget: (delivery) => real.forget(delivery),
    async receive(request, how) {
      const received = await real.receive(request, how);
      if (received.state === 'claimed') await received.claim.commit();
      return received;
    },
    handle: (request, handler, how) => real.handle(request, handler, how),
    reload: () => real.reload(),
    revoke: (keyId) => real.revoke(keyId),
    health: () => real.health(),
    close: () => real.close(),
    [Symbol.asyncDispose]: () => real.close(),
  };
}
