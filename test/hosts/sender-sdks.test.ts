import { createVerifier, type DefinedScheme, type Verifier, type WebhookEvent } from '@countersign/core';
import { webhook } from '@countersign/express';
import { github, slack } from '@countersign/schemes';
import { sign, tamper } from '@countersign/testing';
import { createNodeMiddleware, Webhooks } from '@octokit/webhooks';
import { App, ExpressReceiver, HTTPReceiver, LogLevel } from '@slack/bolt';
import type { Express } from 'express';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../support/listen.ts';
import { type ExpressVersion, expressOf } from '../support/mounts/express.ts';

// Senders' own libraries verify and parse for themselves. Behind webhook() they find the bytes in req.rawBody, and need not read them.

const SECRET = 'a-signing-secret-of-32-characters';
const PREVIOUS = 'the-secret-of-last-month-32-chars';
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

interface Receiver {
  readonly types: () => string[];
  /** Sends a signed request, and returns the status and the text of the response. */
  post(request: { headers: Record<string, string>; body: Uint8Array }): Promise<string>;
}

async function receive(
  scheme: DefinedScheme,
  version: ExpressVersion,
  path: string,
  mount: (app: Express, verifier: Verifier) => void,
): Promise<Receiver> {
  const events: WebhookEvent[] = [];
  const verifier = createVerifier({
    scheme,
    secrets: { current: SECRET, previous: PREVIOUS },
    observe: (event) => events.push(event),
  });
  onTestFinished(() => verifier.close());
  const app = expressOf(version)();
  mount(app, verifier);
  const server = await listen(app);
  onTestFinished(() => server.close());
  return {
    types: () => events.map(({ type }) => type),
    post: async ({ headers, body }) => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
        method: 'POST',
        headers,
        body: Buffer.from(body),
        signal: AbortSignal.timeout(30_000),
      });
      return `${response.status} ${await response.text()}`.trim();
    },
  };
}

describe.each([5, 4] as const)('Express %i', (version) => {
  describe("Octokit's createNodeMiddleware()", () => {
    function push(id: number, secret = SECRET) {
      const { headers, body } = sign(github(), { secret, body: JSON.stringify({ id }) });
      const sent = {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': `d${id}`,
      };
      return { headers: { ...headers, ...sent }, body };
    }

    it.each([
      ['on a route', (app: Express, guard: Guard, behind: Guard) => app.post('/hooks/github', guard, behind)],
      ['for all paths', (app: Express, guard: Guard, behind: Guard) => app.use(guard, behind)],
    ] as const)('%s runs each delivery once, and again after a failure', async (_, mount) => {
      const ran: unknown[] = [];
      let fails = true;
      const webhooks = new Webhooks({ secret: SECRET, log: QUIET });
      webhooks.on('push', ({ id, payload }) => {
        ran.push([id, payload]);
        if (fails) throw new Error('failed on purpose');
      });
      const { post, types } = await receive(github(), version, '/hooks/github', (app, verifier) =>
        mount(
          app,
          webhook(verifier),
          createNodeMiddleware(webhooks, { path: '/hooks/github', log: QUIET }) as Guard,
        ),
      );

      expect(await post(push(1))).toMatch(/^500 /);
      await vi.waitFor(() => expect(types()).toContain('released'));
      fails = false;
      expect(await post(push(1))).toBe('200 ok');
      await vi.waitFor(() => expect(types()).toContain('committed'));
      expect(await post(push(1))).toBe('200');
      expect(await post({ ...push(2), ...tamper(push(2)) })).toMatch(/^401 /);
      expect(ran).toEqual([
        ['d1', { id: 1 }],
        ['d1', { id: 1 }],
      ]);
      // Octokit has one secret.
      expect(await post(push(3, PREVIOUS))).toMatch(/^400 .*signature/);
    });

    it('webhooks.receive() in a handler takes what any of the secrets has signed', async () => {
      const ran: unknown[] = [];
      const webhooks = new Webhooks({ secret: 'not used', log: QUIET });
      webhooks.on('push', ({ payload }) => {
        ran.push(payload);
      });
      const { post } = await receive(github(), version, '/hooks/github', (app, verifier) =>
        app.post('/hooks/github', webhook(verifier), async (req, res) => {
          const { deliveryId, event } = req.webhook.unsignedHeaders;
          await webhooks.receive({ id: deliveryId, name: event, payload: req.webhook.json() } as never);
          res.sendStatus(204);
        }),
      );
      expect(await post(push(1, PREVIOUS))).toBe('204');
      expect(await post(push(2))).toBe('204');
      expect(ran).toEqual([{ id: 1 }, { id: 2 }]);
    });
  });

  describe.each(['verifies nothing', 'verifies again'] as const)(
    "Slack Bolt's receiver, which %s",
    (again) => {
      const options = {
        ...{ signingSecret: SECRET, signatureVerification: again === 'verifies again' },
        ...{ processBeforeResponse: true, logLevel: LogLevel.ERROR },
      };
      const receivers = {
        ExpressReceiver: (app: Express, guard: Guard) => {
          const receiver = new ExpressReceiver(options);
          app.use('/slack/events', guard).use(receiver.router as never);
          return receiver;
        },
        HTTPReceiver: (app: Express, guard: Guard) => {
          const receiver = new HTTPReceiver(options);
          app.post('/slack/events', guard, (req, res) => receiver.requestListener(req, res));
          return receiver;
        },
      };

      function mention(id: string, secret = SECRET) {
        const body = JSON.stringify({
          type: 'event_callback',
          event_id: id,
          event: { type: 'app_mention', text: id },
        });
        const { headers, body: bytes } = sign(slack(), { secret, body });
        return { headers: { ...headers, 'content-type': 'application/json' }, body: bytes };
      }

      it.each(['ExpressReceiver', 'HTTPReceiver'] as const)('%s', async (kind) => {
        const ran: unknown[] = [];
        let fails = true;
        const { post, types } = await receive(slack(), version, '/slack/events', (app, verifier) => {
          const slackApp = new App({
            receiver: receivers[kind](app, webhook(verifier)),
            authorize: async () => ({ botToken: 'xoxb-none', botId: 'B1', botUserId: 'U1' }),
            logLevel: LogLevel.ERROR,
            logger: { ...QUIET, setLevel() {}, getLevel: () => LogLevel.ERROR, setName() {} },
          });
          slackApp.event('app_mention', async ({ event }) => {
            ran.push(event.text);
            if (fails) throw new Error('failed on purpose');
          });
        });

        expect(await post(mention('Ev1'))).toMatch(/^500/);
        await vi.waitFor(() => expect(types()).toContain('released'));
        fails = false;
        expect(await post(mention('Ev1'))).toBe('200');
        await vi.waitFor(() => expect(types()).toContain('committed'));
        expect(await post(mention('Ev1'))).toBe('200');
        expect(await post({ ...mention('Ev2'), ...tamper(mention('Ev2')) })).toMatch(/^401 /);
        expect(ran).toEqual(['Ev1', 'Ev1']);
        // If Bolt verifies again, it has one secret.
        expect(await post(mention('Ev3', PREVIOUS))).toMatch(again === 'verifies again' ? /^401/ : /^200/);
        // Countersign responds to Slack's check of the address for itself.
        const check = JSON.stringify({ type: 'url_verification', challenge: 'a-challenge', token: 't' });
        const { headers, body } = sign(slack(), { secret: SECRET, body: check });
        expect(await post({ headers: { ...headers, 'content-type': 'application/json' }, body })).toBe(
          '200 {"challenge":"a-challenge"}',
        );
      });

      it.each(['ExpressReceiver', 'HTTPReceiver'] as const)(
        '%s: a command, which is a form',
        async (kind) => {
          const { post } = await receive(slack(), version, '/slack/events', (app, verifier) => {
            const slackApp = new App({
              receiver: receivers[kind](app, webhook(verifier)),
              authorize: async () => ({ botToken: 'xoxb-none', botId: 'B1', botUserId: 'U1' }),
              logLevel: LogLevel.ERROR,
            });
            slackApp.command('/deploy', async ({ command, ack }) => ack(`deploying ${command.text}`));
          });
          const form = 'command=%2Fdeploy&text=caf%C3%A9+now&team_id=T1&user_id=U2';
          const { headers, body } = sign(slack(), { secret: SECRET, body: form });
          const type = { 'content-type': 'application/x-www-form-urlencoded' };
          expect(await post({ headers: { ...headers, ...type }, body })).toBe('200 deploying café now');
        },
      );
    },
  );
});

type Guard = ReturnType<typeof webhook>;
