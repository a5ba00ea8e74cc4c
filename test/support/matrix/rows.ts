import type { MatrixRequest, MatrixSender } from './sender.ts';

/**
 * The expected outcome of a row: handled once; refused with the scheme's refusal status; refused as too old for any fault of our
 * clock, which the sender need not retry; or refused with the status of the mistake, for every scheme.
 */
type ExpectedOutcome = 'handled' | 'refused' | 'too old' | 400 | 401 | 413 | 415 | 'broken off';

/** One request, made when it is sent, and its expected outcome. */
export interface MatrixRow {
  readonly name: string;
  readonly expected: ExpectedOutcome | ((request: MatrixRequest) => ExpectedOutcome);
  readonly request: (sender: MatrixSender) => MatrixRequest;
}

/** The rows of one kind for one form of a scheme. */
export type RowMaker = (sender: MatrixSender) => MatrixRow[];

export function row(name: string, expected: MatrixRow['expected'], request: MatrixRow['request']): MatrixRow {
  return { name, expected, request };
}

/** A request with one of its headers changed: `undefined` leaves it out, several values repeat it. */
export function withHeader(
  request: MatrixRequest,
  name: string,
  change: (value: string) => string | readonly string[] | undefined,
): MatrixRequest {
  const headers = request.headers.flatMap(([each, value]): (readonly [string, string])[] => {
    if (each !== name) return [[each, value]];
    const changed = change(value);
    if (changed === undefined) return [];
    return (typeof changed === 'string' ? [changed] : changed).map((text) => [each, text] as const);
  });
  return { ...request, headers };
}

/** Whether a text can be a signature of this scheme at all: then only its key can be wrong. */
export function isWellFormed(sender: MatrixSender, text: string): boolean {
  const { algorithm, signature } = sender.form;
  const bytes = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }[algorithm.hmac];
  if (signature.encoding === 'hex') return new RegExp(`^[0-9a-f]{${bytes * 2}}$`).test(text);
  if (signature.encoding === 'hex-upper') return new RegExp(`^[0-9A-F]{${bytes * 2}}$`).test(text);
  const decoded = Buffer.from(text, signature.encoding);
  return decoded.length === bytes && decoded.toString(signature.encoding) === text;
}
