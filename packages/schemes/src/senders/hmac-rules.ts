import type { HashName, HmacRule, TimeUnit } from '@countersign/core/extend';

/** How a signature is made and written. */
interface Writing {
  /** Default: `'sha256'`. */
  readonly hash?: HashName;
  /** Default: `'hex'`. */
  readonly encoding?: HmacRule['signature']['encoding'];
  /** The text before the signature. */
  readonly prefix?: string;
}

/** The rule of a sender that signs the body alone, in a header of its own. */
export function bodyHmac(
  header: string,
  { hash = 'sha256', encoding = 'hex', prefix }: Writing = {},
): HmacRule {
  return {
    algorithm: { hmac: hash },
    signature: { header, encoding, ...(prefix === undefined ? {} : { prefix }) },
    content: '{body}',
  };
}

/** The rule of a sender that signs the body and a time, which is in a header of its own. */
export function timedHmac(
  header: string,
  timestamp: { readonly header: string; readonly unit: TimeUnit },
  content: string,
  writing?: Writing,
): HmacRule {
  return { ...bodyHmac(header, writing), timestamp, content };
}

/** The rule of a sender that signs as Stripe does: `t=<time>,v1=<hex>` over `{timestamp}.{body}`. */
export function stripeHmac(header: string): HmacRule {
  return {
    algorithm: { hmac: 'sha256' },
    signature: { header, list: { separator: ',', assign: '=', label: 'v1', blanks: true }, encoding: 'hex' },
    timestamp: { entry: 't', unit: 's' },
    content: '{timestamp}.{body}',
  };
}
