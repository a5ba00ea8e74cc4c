// Checked by `npm run typecheck`. Never run: what runs is schema.test.ts.
import { createVerifier, payloadOf, type Scheme, tenantByBody, type Verifier } from '@countersign/core';
import { webhook as expressWebhook } from '@countersign/express';
import { webhookHandler } from '@countersign/fetch';
import { webhook as koaWebhook } from '@countersign/koa';
import { webhookHandler as lambdaHandler } from '@countersign/lambda';
import { type ReceivedWebhook, VerifyWebhook, Webhook } from '@countersign/nestjs';
import { github, shopify, stripe } from '@countersign/schemes';
import { receivedWebhook } from '@countersign/testing';
import Router from '@koa/router';
import type { WebhookEventMap } from '@octokit/webhooks-types';
import { type } from 'arktype';
import express from 'express';
import type Stripe from 'stripe';
import * as v from 'valibot';
import { z } from 'zod';

const secrets = 'whsec_only_this_file_has_it';
const verifier = createVerifier({ scheme: stripe(), secrets });
const order = z.object({ id: z.number(), total: z.string().transform(Number) });

// The payload has the type of the schema's output. By default it may be missing, and the compiler says so.

webhookHandler(verifier, ({ payload }) => payload.total.toFixed(2), { schema: order, onInvalid: 'reject' });
webhookHandler(verifier, ({ payload }) => payload?.total.toFixed(2), { schema: order });
// @ts-expect-error: it may not fit
webhookHandler(verifier, ({ payload }) => payload.total.toFixed(2), { schema: order });
// @ts-expect-error: not a field of the schema
webhookHandler(verifier, ({ payload }) => payload.totals, { schema: order, onInvalid: 'reject' });
// @ts-expect-error: without a schema nothing is known of it
webhookHandler(verifier, ({ payload }) => payload.total);
webhookHandler(verifier, ({ payload }) => payload.id.toFixed(), {
  schema: v.object({ id: v.number() }),
  onInvalid: 'reject',
});
webhookHandler(verifier, ({ payload }) => payload.id.toFixed(), {
  schema: type({ id: 'number' }),
  onInvalid: 'reject',
});
lambdaHandler(verifier, ({ payload }) => payload.total.toFixed(2), { schema: order, onInvalid: 'reject' });
new Router().post('/', koaWebhook(verifier, { schema: order, onInvalid: 'reject' }), (ctx) => {
  ctx.body = ctx.state.webhook.payload.total.toFixed(2);
});
express().post('/', expressWebhook(verifier, { schema: order, onInvalid: 'reject' }), (req, res) => {
  res.send(payloadOf(req.webhook, order).total.toFixed(2));
  // @ts-expect-error: only payloadOf() knows the type
  req.webhook.payload.total;
});
export class Orders {
  @VerifyWebhook('orders', { schema: order, onInvalid: 'reject' })
  paid(@Webhook() webhook: ReceivedWebhook<z.output<typeof order>>): string {
    return webhook.payload.total.toFixed(2);
  }
}
// @ts-expect-error: not a schema
webhookHandler(verifier, () => 204, { schema: { validate: () => true } });
// @ts-expect-error: not a policy
webhookHandler(verifier, () => 204, { schema: order, onInvalid: 'ignore' });

// Labels are those of the scheme: a misspelt one does not compile.

const shop = createVerifier({ scheme: shopify(), secrets });
webhookHandler(shop, (webhook) => webhook.unsignedHeaders.topic);
// @ts-expect-error: misspelt
webhookHandler(shop, (webhook) => webhook.unsignedHeaders.topicc);
// @ts-expect-error: misspelt
lambdaHandler(shop, (webhook) => webhook.unsignedHeaders.topicc);
new Router().post('/', koaWebhook(shop), (ctx) => {
  ctx.body = ctx.state.webhook.unsignedHeaders.shop;
  // @ts-expect-error: misspelt
  ctx.body = ctx.state.webhook.unsignedHeaders.shopp;
});
const verified = await shop.verify({ headers: {}, body: new Uint8Array() });
verified.unsignedHeaders.deliveryId.toUpperCase();
// @ts-expect-error: misspelt
verified.unsignedHeaders.deliveryID;
const received = await receivedWebhook(shopify(), { body: {} });
// @ts-expect-error: misspelt
received.unsignedHeaders.topicc;
// Everything that takes any scheme or verifier takes these.
const anyScheme: Scheme = shopify();
const anyVerifier: Verifier = shop;
const list: Verifier[] = [shop, verifier, createVerifier({ scheme: anyScheme, secrets })];
webhookHandler(
  () => list[0] ?? anyVerifier,
  (webhook) => webhook.unsignedHeaders.anything,
);
tenantByBody(() => shop, { scheme: shopify(), tenantOf: (delivery) => delivery.json<{ id: string }>().id });

// The types of the senders' own packages narrow without a cast.

webhookHandler(verifier, (webhook) => {
  const event = webhook.json<Stripe.Event>();
  switch (event.type) {
    case 'invoice.paid':
      return event.data.object.amount_paid.toFixed();
    case 'customer.created':
      return event.data.object.email;
    default:
      return undefined;
  }
});
const hub = createVerifier({ scheme: github(), secrets });
webhookHandler(hub, (webhook) => {
  switch (webhook.type) {
    case 'push':
      return webhook.json<WebhookEventMap['push']>().commits.length;
    case 'issues': {
      const event = webhook.json<WebhookEventMap['issues']>();
      return event.action === 'labeled' ? event.label?.name : event.issue.title;
    }
    default:
      return undefined;
  }
});
