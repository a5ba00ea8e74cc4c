import type { WebhookErrorCode } from '@countersign/core';

/** What is wrong, as a stable code. The messages are not API. */
export type CauseCode =
  /** The JSON of the body was parsed and written anew. */
  | 'body-reserialized'
  /** The verifier got no body, but the sender signs one. */
  | 'body-empty'
  /** Line breaks were changed between LF and CRLF. */
  | 'body-line-endings'
  /** The body is still base64, as hosts of functions pass it. */
  | 'body-base64'
  /** The bytes were decoded to text and encoded in another way, or a byte order mark was added or removed. */
  | 'body-charset'
  /** The end of the body is missing. */
  | 'body-truncated'
  /** White space at the end or the beginning of the body was added or removed. */
  | 'body-extra-newline'
  /** A form was taken apart, or the signed text is in a field of a form. */
  | 'body-form-encoded'
  /** Nothing is proven: another secret, or the body was changed on the way. These two can't be told apart. */
  | 'secret-or-body'
  /** A key of the set signed, but it was not active at that time. */
  | 'secret-previous'
  /** The secret is an API key, which signs nothing. */
  | 'secret-api-key'
  /** White space before, after or within the secret. */
  | 'secret-whitespace'
  /** Quotation marks around the secret, or characters that a shell or a dotenv file escapes. */
  | 'secret-quotes'
  /** The secret was used as text where it is base64 or hex, or the reverse. */
  | 'secret-encoding'
  /** The text before the secret, such as `whsec_`, is missing or too much. */
  | 'secret-prefix'
  /** The secret is a placeholder, or empty. */
  | 'secret-placeholder'
  /** The clock of this machine is wrong. */
  | 'clock-skew'
  /** The request was verified long after it was signed. */
  | 'verified-too-late'
  /** The signed time is in another unit. */
  | 'timestamp-unit'
  /** The sender signed `https`, and `publicUrl` says `http`, or the reverse. */
  | 'url-scheme'
  /** The sender signed another host. */
  | 'url-host'
  /** The sender signed another port, or none. */
  | 'url-port'
  /** The sender signed another path. */
  | 'url-path'
  /** The sender signed another query, or the same in another order or encoding. */
  | 'url-query'
  /** The signature is written in another way: hex, base64, with or without a text before it. */
  | 'signature-encoding'
  /** The signature was made with another hash function. */
  | 'signature-algorithm'
  /** A header that the signature needs did not arrive. */
  | 'header-missing'
  /** A header arrived under another name. */
  | 'header-renamed'
  /** A header was repeated, joined, split, or its spaces were changed. */
  | 'header-joined'
  /** The request is from another sender than the scheme. */
  | 'sender-other'
  /** The request is signed in another version, or by another product, of the same sender. */
  | 'sender-other-version'
  /** The request was never signed: a test button, a sender without a secret, or a request made by hand. */
  | 'test-unsigned'
  /** The sender signs other parts of the request than the scheme says. */
  | 'signed-content';

/** One possible reason for a refusal. Never contains a secret, a computed signature, or more than 8 characters of a given one. */
export interface Cause {
  readonly code: CauseCode;
  /**
   * - `proven`: with this one thing undone, the request has exactly the signature that was given.
   * - `likely`: the request itself shows it.
   * - `possible`: nothing speaks against it.
   */
  readonly certainty: 'proven' | 'likely' | 'possible';
  /** What is wrong, for people. */
  readonly message: string;
  /** What to change. */
  readonly fix: string;
  /** What was seen: names, numbers and positions. */
  readonly evidence: Readonly<Record<string, string | number>>;
}

/** What {@link explain} found. */
export interface Explanation {
  readonly verdict: 'accepted' | 'refused';
  /** The code with which a verifier refuses the request. Absent if it accepts the request. */
  readonly code?: WebhookErrorCode;
  /** The most certain cause first. */
  readonly causes: readonly Cause[];
  /** The whole explanation as text of several lines, for people. */
  text(): string;
}

/** What a variant undoes: the cause if the variant reproduces the signature. */
export interface Finding {
  readonly code: CauseCode;
  readonly message: string;
  /** If absent, the code's own. */
  readonly fix?: string;
  readonly evidence?: Readonly<Record<string, string | number>>;
}

const RAW_BODY =
  'Pass the bytes as received: mount the adapter before any body parser, or give it the raw body of your host.';
const SECRET_AGAIN =
  "Copy the signing secret again from the sender's dashboard, and store exactly that text.";
const PUBLIC_URL = 'Set "publicUrl" to exactly the URL that you gave the sender.';
const KEEP_HEADERS =
  'Let the proxy, gateway or function in front of the verifier pass on all headers unchanged.';

/** What to change, by code. */
const FIXES: Readonly<Record<CauseCode, string>> = {
  'body-reserialized': RAW_BODY,
  'body-empty': `${RAW_BODY} If a redirect comes first, give the sender the final URL.`,
  'body-line-endings': `${RAW_BODY} If a proxy or an editor changed the line breaks, switch that off.`,
  'body-base64':
    'Decode the body before you verify it (`isBase64Encoded` of AWS Lambda), or use the adapter for your host.',
  'body-charset': `${RAW_BODY} Never turn them into text first.`,
  'body-truncated':
    'Raise the limit of whatever cuts the body off: a proxy, a parser, or the log it was copied from.',
  'body-extra-newline': `${RAW_BODY} If you replay a captured body, save it without a final line break.`,
  'body-form-encoded':
    'Verify the body of the form as received, and read its fields afterwards; or set the content type to JSON at the sender.',
  'secret-or-body':
    'Compare the secret with the one of this very endpoint in the dashboard of the sender: test and live mode, each endpoint and a command-line tool have their own. If it is the same, compare the number of bytes of the body with what the sender sent.',
  'secret-previous':
    'List the secret that the sender signs with as `current`, or extend the time of the key in the set.',
  'secret-api-key': 'Use the signing secret of the webhook endpoint. An API key signs nothing.',
  'secret-whitespace': `Remove the white space. ${SECRET_AGAIN}`,
  'secret-quotes': `Remove the quotation marks and escapes. ${SECRET_AGAIN}`,
  'secret-encoding': 'Store the secret as the sender shows it, neither decoded nor encoded.',
  'secret-prefix': 'Store the secret with exactly the prefix that the sender shows.',
  'secret-placeholder': "Set the secret to the one in the sender's dashboard.",
  'clock-skew': "Synchronize this machine's clock (NTP), and compare times in UTC.",
  'verified-too-late':
    'Verify when the request arrives, before it enters a queue. To check a captured request, pass the time at which it was received.',
  'timestamp-unit':
    'Set the unit of "timestamp" in the definition of the scheme to the one that the sender uses.',
  'url-scheme': PUBLIC_URL,
  'url-host': PUBLIC_URL,
  'url-port': PUBLIC_URL,
  'url-path': PUBLIC_URL,
  'url-query': 'Pass the query as received: no proxy or framework may sort, decode or encode it anew.',
  'signature-encoding': 'Set "encoding" and "prefix" of the signature in the definition of the scheme.',
  'signature-algorithm':
    'Set "algorithm" in the definition of the scheme, or the hash function at the sender.',
  'header-missing': KEEP_HEADERS,
  'header-renamed': KEEP_HEADERS,
  'header-joined': `${KEEP_HEADERS} Pass them to the verifier as raw pairs (\`request.rawHeaders\`).`,
  'sender-other': 'Use the scheme of the sender that the request is from.',
  'sender-other-version': 'Use the scheme of this version, or set the newer version at the sender.',
  'test-unsigned':
    'Set a secret for the webhook at the sender, and send a real event. To try the receiver by hand, sign the request with @countersign/testing.',
  'signed-content': 'Set "content" in the definition of the scheme to what the sender signs.',
};

/** Makes a cause of a finding. */
export function causeOf({ code, message, fix, evidence }: Finding, certainty: Cause['certainty']): Cause {
  return Object.freeze({
    code,
    certainty,
    message,
    fix: fix ?? FIXES[code],
    evidence: Object.freeze({ ...evidence }),
  });
}

const CERTAINTIES: readonly Cause['certainty'][] = ['proven', 'likely', 'possible'];

/** Sorts causes, the most certain first, and leaves out repeated codes. */
function ranked(causes: readonly Cause[]): readonly Cause[] {
  const sorted = [...causes].sort(
    (a, b) => CERTAINTIES.indexOf(a.certainty) - CERTAINTIES.indexOf(b.certainty),
  );
  return Object.freeze(
    sorted.filter(({ code }, at) => sorted.findIndex((each) => each.code === code) === at),
  );
}

/** An explanation. Its JSON is its data. */
export class ExplanationResult implements Explanation {
  readonly verdict: Explanation['verdict'];
  declare readonly code?: WebhookErrorCode;
  readonly causes: readonly Cause[];
  readonly #sender: string;

  constructor(sender: string, code: WebhookErrorCode | undefined, causes: readonly Cause[]) {
    this.#sender = sender;
    this.verdict = code === undefined ? 'accepted' : 'refused';
    if (code !== undefined) this.code = code;
    this.causes = ranked(causes);
    Object.freeze(this);
  }

  text(): string {
    const { code, causes } = this;
    const head =
      code === undefined
        ? `Accepted: the request is genuine (${this.#sender}).`
        : `Refused with ${code} (${this.#sender}).`;
    const lines = causes.flatMap(({ certainty, message, fix, code: cause }, at) => [
      `${at + 1}. ${certainty}: ${message} [${cause}]`,
      `   ${fix}`,
    ]);
    return [head, ...lines].join('\n');
  }
}
