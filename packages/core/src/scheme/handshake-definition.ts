import type { HashName } from './secret-format.ts';

/**
 * A request by which a sender tests or registers an endpoint, and its answer. It is answered without running the handler, and claims
 * nothing.
 *
 * With `signed: true` it is judged like any delivery first, and answered only where a key matches. Without, it is answered from its
 * method, headers and query alone: never from its body.
 */
export type HandshakeRule = SignedHandshake | OpenHandshake;

interface SignedHandshake extends HandshakeAnswer {
  readonly signed: true;
  readonly when: HandshakeConditions & {
    /** Fields of the JSON body, by dotted path. */
    readonly field?: Readonly<Record<string, string | number>>;
  };
  readonly challenge?: ChallengeLimits &
    (ChallengeInHead | { readonly field: string; readonly query?: undefined; readonly header?: undefined });
  readonly token?: undefined;
}

interface OpenHandshake extends HandshakeAnswer {
  readonly signed: false;
  readonly when: HandshakeConditions & { readonly method: 'GET' | 'HEAD' | 'OPTIONS' | 'POST' };
  readonly challenge?: ChallengeLimits & ChallengeInHead;
  /** A query parameter that must be a text agreed with the sender: kept as the hex of its SHA-256, so that no definition holds it. */
  readonly token?: { readonly query: string; readonly sha256: string };
}

/** What a handshake is known by: everything that is named must be there; `true` means with any text. */
export interface HandshakeConditions {
  readonly method?: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
  readonly header?: Readonly<Record<string, string | true>>;
  readonly query?: Readonly<Record<string, string | true>>;
}

type ChallengeInHead =
  | { readonly query: string; readonly header?: undefined; readonly field?: undefined }
  | { readonly header: string; readonly query?: undefined; readonly field?: undefined };

/** A challenge of other characters, or a longer one, is refused: an answer must not sign or echo whatever a caller likes. */
export interface ChallengeLimits {
  /** `visible`: ASCII without spaces and controls; `printable`: with spaces. */
  readonly characters: 'hex' | 'digits' | 'base64' | 'word' | 'visible' | 'printable';
  readonly maxLength: number;
}

interface HandshakeAnswer {
  /** Makes `{mac}`: of the challenge (or of `over`, which may hold `{challenge}` and `{url}`), under the key that matched, else the current one. */
  readonly mac?: {
    readonly hmac?: HashName;
    readonly hash?: HashName;
    readonly encoding: 'hex' | 'base64';
    readonly over?: string;
  };
  /** Texts may hold `{challenge}`, `{mac}` and `{keyId}`. */
  readonly response: {
    /** Default: 200. */
    readonly status?: 200 | 204;
    /** Sent as `text/plain`. */
    readonly text?: string;
    readonly json?: Readonly<Record<string, string | number | boolean>>;
    readonly headers?: Readonly<Record<string, string>>;
  };
}
