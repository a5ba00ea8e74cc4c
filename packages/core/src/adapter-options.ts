import { types } from 'node:util';
import { checkFunction, checkKeys, checkNumber, configError } from './util/options.ts';
import { warnOfSetup } from './util/warnings.ts';
import type { Verifier } from './verifier-types.ts';
import { WebhookError } from './webhook-error.ts';

const DEFAULT_LIMIT_BYTES = 1024 * 1024;
const MAX_LIMIT_BYTES = 2 ** 31 - 1;

/**
 * What to do with a body that arrives with a Content-Encoding.
 *
 * - `refuse`: answer 415.
 * - `as-received`: take the bytes of the wire. For senders that sign the compressed bytes.
 * - `decompress`: undo gzip, deflate or br first. For senders that sign what they then compress.
 */
export type ContentEncodingPolicy = 'refuse' | 'as-received' | 'decompress';

/**
 * One verifier for all requests, or a function that chooses one: by route or header, never by the unverified body. A request for
 * which it gives none is answered 401; where a tenant that is only not known *yet* must come back, throw.
 */
export type VerifierSource<Request> = Verifier | ((request: Request) => Verifier | Promise<Verifier>);

/** What every adapter takes beside its verifier. */
export interface AdapterOptions<Request> {
  /** The largest body that is read, in bytes. Default: the scheme's, else 1 MiB. */
  maxBodyBytes?: number;
  /** What to do with a body that arrives with a Content-Encoding. Default: `'refuse'`. */
  contentEncoding?: ContentEncodingPolicy;
  /** Hands over the bytes where the host has read them already, as Cloud Functions and Firebase do. */
  rawBody?: (request: Request) => Uint8Array;
  /** `'manual'`: only verify. The handler claims by itself, as a transactional store needs. Default: `'auto'`. */
  claim?: 'auto' | 'manual';
}

/** Reads the body of one request off the host. */
export interface BodySource {
  read(maxBodyBytes: number, contentEncoding: ContentEncodingPolicy): Promise<Uint8Array>;
}

/** An adapter's options as it uses them. What is at hand is given as it is: a promise costs as much as a signature's parsing. */
export interface AdapterSettings<Request> {
  readonly claim: 'auto' | 'manual';
  /** @throws `ERR_WEBHOOK_SIGNATURE_MISMATCH` where the choosing function knows no verifier for the request. */
  choose(request: Request): Verifier | Promise<Verifier>;
  /** Gets the body: from `rawBody` where that is given, else from `source`. */
  body(request: Request, verifier: Verifier, source: BodySource): Uint8Array | Promise<Uint8Array>;
}

/**
 * Checks what an adapter was given, once: for writers of adapters.
 *
 * @param owner How the adapter is called in messages: `webhook()`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` naming the option.
 */
export function readAdapterOptions<Request>(
  owner: string,
  source: VerifierSource<Request>,
  options: AdapterOptions<Request> = {},
): AdapterSettings<Request> {
  checkKeys(owner, options, ['maxBodyBytes', 'contentEncoding', 'rawBody', 'claim']);
  const { contentEncoding = 'refuse', claim = 'auto', rawBody, maxBodyBytes } = options;
  checkFunction('rawBody', rawBody);
  if (!['refuse', 'as-received', 'decompress'].includes(contentEncoding)) {
    throw configError('"contentEncoding" must be "refuse", "as-received" or "decompress".');
  }
  if (claim !== 'auto' && claim !== 'manual') throw configError('"claim" must be "auto" or "manual".');
  checkNumber('maxBodyBytes', maxBodyBytes, { min: 1, max: MAX_LIMIT_BYTES, fallback: DEFAULT_LIMIT_BYTES });
  if (maxBodyBytes !== undefined && !Number.isInteger(maxBodyBytes)) {
    throw configError('"maxBodyBytes" must be a whole number of bytes.');
  }
  if (typeof source !== 'function' && !isVerifier(source)) {
    throw configError(
      `${owner} wants a verifier made with createVerifier(), or a function that chooses one.`,
    );
  }
  return {
    claim,
    choose: typeof source === 'function' ? (request) => chosenBy(owner, source(request)) : () => source,
    body(request, verifier, reader) {
      const limit = maxBodyBytes ?? verifier.scheme.delivery.maxBodyBytes ?? DEFAULT_LIMIT_BYTES;
      if (rawBody === undefined) return reader.read(limit, contentEncoding);
      const body = rawBody(request);
      if (types.isUint8Array(body) && body.byteLength > limit) {
        throw new WebhookError(
          'ERR_WEBHOOK_BODY_TOO_LARGE',
          `The body is larger than the ${limit} bytes that are taken.`,
        );
      }
      return body;
    },
  };
}

async function chosenBy(owner: string, choice: Verifier | Promise<Verifier>): Promise<Verifier> {
  const verifier = await choice;
  if (isVerifier(verifier)) return verifier;
  // Answered 401, since nobody knows what this sender retries.
  const error = new WebhookError(
    'ERR_WEBHOOK_SIGNATURE_MISMATCH',
    `The function given to ${owner} knows no verifier for a request.`,
  );
  warnOfSetup(error);
  throw error;
}

function isVerifier(value: unknown): value is Verifier {
  const given = value as Partial<Verifier> | null | undefined;
  return typeof given?.verify === 'function' && typeof given.receive === 'function';
}
