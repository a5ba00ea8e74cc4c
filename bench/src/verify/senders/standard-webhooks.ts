import { standardWebhooks } from '@countersign/schemes';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { type Group, oneByOne } from '../group.ts';
import { standardWebhooksByHand } from '../references.ts';

const secret = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;

/** The secrets live as long as the receiver, so what a library makes of them is made once. */
const cached = <T>(secrets: readonly string[], make: (secret: string) => T) => {
  const made = new Map(secrets.map((each) => [each, make(each)]));
  return (each: string) => made.get(each);
};

export const standardWebhooksGroup: Group = {
  name: 'Standard Webhooks',
  scheme: standardWebhooks(),
  secrets: [secret(7), secret(8), secret(9)],
  byHand(secrets, request) {
    const verify = standardWebhooksByHand(secrets);
    return () => verify(request);
  },
  peers: [
    {
      name: 'standardwebhooks',
      make(secrets, { headers, body }) {
        const peer = cached(secrets, (each) => new StandardWebhook(each));
        return oneByOne(secrets, (each) => peer(each)?.verify(body, headers));
      },
    },
    {
      name: 'standardwebhooks, no JSON',
      make(secrets, { headers, body }) {
        const peer = cached(secrets, (each) => new StandardWebhook(each));
        return oneByOne(secrets, (each) => peer(each)?.verify(body, headers, { jsonParse: false }));
      },
    },
    {
      name: 'svix',
      make(secrets, { headers, body }) {
        const peer = cached(secrets, (each) => new SvixWebhook(each));
        return oneByOne(secrets, (each) => peer(each)?.verify(body, headers));
      },
    },
  ],
};
