import { createVerifier, type DefinedScheme } from '@countersign/core';
import { type SignedRequest, sign } from '@countersign/testing';

/** A signed request as a contender gets it. */
export interface Signed {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The whole address, for senders that sign it. */
  readonly url: string;
}

/** Makes what verifies one request. It returns `false` or throws if it refuses. */
export type Make = (secrets: readonly string[], request: Signed) => () => unknown;

/** One sender, and who verifies its requests. */
export interface Group {
  readonly name: string;
  readonly scheme: DefinedScheme;
  /** Two of the receiver, and one that it doesn't have. */
  readonly secrets: readonly [string, string, string];
  /** Where the sender was told to post to, if it signs that. */
  readonly publicUrl?: string;
  readonly byHand: Make;
  readonly peers: readonly { readonly name: string; readonly make: Make }[];
}

/** Signs a body as the group's sender. */
export function signFor({ scheme, publicUrl }: Group, secret: string, body: Buffer): Signed {
  const signed: SignedRequest = sign(scheme, {
    secret,
    body,
    ...(publicUrl === undefined ? {} : { url: publicUrl }),
  });
  return { headers: signed.headers, body: Buffer.from(signed.body), url: signed.url ?? '' };
}

/** Our own contender. */
export function countersign({ scheme, publicUrl }: Group): Make {
  return (secrets, { headers, body, url }) => {
    const verifier = createVerifier({
      scheme,
      secrets: { current: [...secrets] },
      replay: false,
      ...(publicUrl === undefined ? {} : { publicUrl }),
    });
    const request = {
      method: 'POST',
      headers,
      body,
      url: url === '' ? '/' : url.slice(new URL(url).origin.length),
    };
    return () => verifier.verify(request);
  };
}

/** Tries one secret after the other, as a user of a library does that takes one. */
export function oneByOne(secrets: readonly string[], verify: (secret: string) => unknown): () => unknown {
  const [only] = secrets;
  if (secrets.length === 1 && only !== undefined) return () => verify(only);
  return () => {
    let failure: unknown;
    for (const secret of secrets) {
      try {
        const result = verify(secret);
        if (result !== false) return result;
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    return false;
  };
}
