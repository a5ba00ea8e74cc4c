import { defineScheme } from '@countersign/core';
import twilio from 'twilio';
import { type Group, oneByOne } from '../group.ts';
import { twilioByHand } from '../references.ts';

/** How Twilio signs a JSON body: the address, whose query holds the body's digest. */
const scheme = defineScheme({
  name: 'twilio-json',
  secret: { encoding: 'utf8' },
  signed: {
    algorithm: { hmac: 'sha1' },
    signature: { header: 'x-twilio-signature', encoding: 'base64' },
    content: '{url}',
    bodyDigest: { hash: 'sha256', encoding: 'hex', query: 'bodySHA256' },
  },
  identity: 'body',
  delivery: { retries: 'unknown', idStableOverRetries: 'unknown', retrySignature: 'unknown' },
});

export const twilioGroup: Group = {
  name: 'Twilio, JSON body',
  scheme,
  secrets: [
    '0123456789abcdef0123456789abcdef',
    '123456789abcdef0123456789abcdef0',
    '23456789abcdef0123456789abcdef01',
  ],
  publicUrl: 'https://example.com/hooks/twilio',
  byHand(secrets, request) {
    const verify = twilioByHand(secrets);
    return () => verify(request);
  },
  peers: [
    {
      name: 'twilio',
      make: (secrets, { headers, body, url }) =>
        oneByOne(secrets, (secret) =>
          twilio.validateRequestWithBody(secret, headers['x-twilio-signature'] ?? '', url, body.toString()),
        ),
    },
  ],
};
