import {
  type Formula,
  github,
  gitlabToken,
  greetSlack,
  receive,
  type Steps,
  shopify,
  slack,
  standardWebhooks,
  stepsOf,
  stripe,
  twilioAt,
} from './by-hand.ts';
import { type Host, onExpress, onFastify, onHono, onKoa, onNest, onNode } from './hosts.ts';
import { PUBLIC_URL, type StartReceiver } from './ours.ts';
import { python } from './python.ts';

const greeting: Partial<Steps> = {
  greet: (request, when) => (when === 'after' ? greetSlack(request) : undefined),
};

function right(name: string, host: Host, sender: string, formula: Formula, more: Partial<Steps> = {}) {
  const start: StartReceiver = (setup) => {
    const steps = stepsOf(formula, more);
    return host((request) => receive(request, steps, setup));
  };
  return { host: name, sender, start };
}

/** Receivers that are written by hand, without a fault. */
export const RIGHT: readonly {
  readonly host: string;
  readonly sender: string;
  readonly start: StartReceiver;
}[] = [
  right('Express', onExpress, 'github', github),
  right('Fastify', onFastify, 'stripe', stripe),
  right('Koa', onKoa, 'shopify', shopify),
  right('Nest', onNest, 'slack', slack, greeting),
  right('Hono', onHono, 'standardWebhooks', standardWebhooks),
  right('node:http', onNode, 'twilio', twilioAt(PUBLIC_URL)),
  right('node:http', onNode, 'gitlabToken', gitlabToken),
  { host: 'Python', sender: 'github', start: python('right') },
];
