import { createHmac } from 'node:crypto';
import {
  createVerifier,
  defineScheme,
  type SchemeDefinition,
  type SignatureRule,
  WebhookError,
  type WebhookRequest,
} from '@countersign/core';

export const SECRET = '0123456789abcdef0123456789abcdef';
/** The MAC of a text, in hex. */
export const hex = (text: string | Uint8Array, key = SECRET) =>
  createHmac('sha256', key).update(text).digest('hex');

/** A verifier of a sender that signs in this way, without replay protection. */
export function verifierOf(
  signed: Partial<SignatureRule> & { content: string },
  rest: Partial<SchemeDefinition> & { publicUrl?: string; secrets?: object } = {},
) {
  const { publicUrl, secrets = SECRET, ...definition } = rest;
  const scheme = defineScheme({
    name: 'acme',
    secret: { encoding: 'utf8' },
    signed: {
      algorithm: { hmac: 'sha256' },
      signature: { header: 'x-signature', encoding: 'hex' },
      ...signed,
    },
    identity: 'content',
    delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
    ...definition,
  } as SchemeDefinition);
  return createVerifier({
    scheme,
    secrets: secrets as string,
    replay: false,
    ...(publicUrl === undefined ? {} : { publicUrl }),
  });
}

/** What a sender signs, and the request that it sends. */
export interface Sent {
  /** The signed content. */
  readonly text: string | Uint8Array;
  readonly headers?: Record<string, string | undefined>;
  readonly body?: string | Uint8Array;
  readonly method?: string;
  readonly url?: string;
}

/** `'accepted'`, or the code of the refusal. */
export async function outcomeOf(
  signed: Parameters<typeof verifierOf>[0],
  { text, headers = {}, body = '', ...request }: Sent,
  rest: Parameters<typeof verifierOf>[1] = {},
): Promise<string> {
  await using verifier = verifierOf(signed, rest);
  const sent: WebhookRequest = {
    ...request,
    headers: { 'x-signature': hex(text), ...headers },
    body: Buffer.from(body as string),
  };
  try {
    await verifier.verify(sent);
    return 'accepted';
  } catch (error) {
    if (error instanceof WebhookError) return error.code;
    throw error;
  }
}
