import { stripe } from '@countersign/schemes';
import { type SignedRequest, sign } from '@countersign/testing';

/** A delivery as Stripe signs it. */
export function signed(secret: string, id: string): SignedRequest {
  return sign(stripe(), { secret, body: JSON.stringify({ id, type: 'invoice.paid' }) });
}

/** Sends it to the application of a page, and returns the status. */
export async function deliver(port: number, { headers, body }: SignedRequest): Promise<number> {
  const url = `http://127.0.0.1:${port}/webhook`;
  return (await fetch(url, { method: 'POST', headers, body: Buffer.from(body) })).status;
}
