import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { memoryReplayStore, type ReceivedWebhook } from '@countersign/core';
import { webhook } from '@countersign/express';
import { adapterCases } from '@countersign/testing';
import type { Request, RequestHandler, Response } from 'express';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { type ExpressStyle, expressMount, expressOf } from '../../../test/support/mounts/express.ts';
import { expressFixture, signed } from './support/fixture.ts';

const STYLES: readonly (readonly [ExpressStyle, string])[] = [
  ['route', 'on a route'],
  ['use', "with app.use('/hooks')"],
  ['router', 'in a router'],
];
const THIS_FILE = fileURLToPath(import.meta.url);
const FAULT = new Error('the handler failed on purpose');

// What the process says once, it may say in any test of this file.
const warnings: Error[] = [];
process.on('warning', (warning) => warnings.push(warning));

describe.each([5, 4] as const)('Express %i', (version) => {
  for (const [style, name] of STYLES) {
    describe.concurrent(name, () => {
      for (const { name: sentence, run } of adapterCases(expressMount(version, style), {
        limits: ['unseen-handler-errors'],
      }))
        test(sentence, run);
    });
  }

  describe('what the response decides', () => {
    test.each<[string, 'committed' | 'released', (req: Request, res: Response) => unknown]>([
      ['res.json()', 'committed', (req, res) => res.json({ id: req.webhook.id })],
      ['res.status(202).send()', 'committed', (_, res) => res.status(202).send('later')],
      ['res.sendStatus(204)', 'committed', (_, res) => res.sendStatus(204)],
      ['res.end() alone', 'committed', (_, res) => res.end()],
      ['res.writeHead(201) and res.end()', 'committed', (_, res) => res.writeHead(201).end('made')],
      ['res.sendFile()', 'committed', (_, res) => res.sendFile(THIS_FILE)],
      ['a stream that is piped', 'committed', (_, res) => createReadStream(THIS_FILE).pipe(res)],
      ['res.redirect()', 'released', (_, res) => res.redirect('/elsewhere')],
      ['res.sendStatus(404)', 'released', (_, res) => res.sendStatus(404)],
      ['res.sendFile() without the file', 'released', (_, res) => res.sendFile(`${THIS_FILE}.missing`)],
      [
        'a stream that is piped as a 500',
        'released',
        (_, res) => createReadStream(THIS_FILE).pipe(res.status(500)),
      ],
    ])('%s: %s', async (_, outcome, handler) => {
      const fixture = await expressFixture(version, (app, guard) =>
        app.post('/hooks', guard, (req, res) => void handler(req, res)),
      );
      await (await fixture.deliver()).text();
      await fixture.settled(outcome);
    });

    test('a response that is destroyed with an error releases', async () => {
      const fixture = await expressFixture(version, (app, guard) =>
        app.post('/hooks', guard, (_, res) => {
          res.write('part');
          res.destroy(FAULT);
        }),
      );
      await expect(fixture.deliver().then((response) => response.text())).rejects.toThrow();
      await fixture.settled('released');
    });

    test('error middleware that responds with 200: what was sent commits', async () => {
      const fixture = await expressFixture(version, (app, guard) => {
        app.post('/hooks', guard, (_req, _res, next) => next(FAULT));
        app.use(((_error, _req, res, _next) => res.status(200).send('never mind')) satisfies ErrorHandler);
      });
      expect((await fixture.deliver()).status).toBe(200);
      await fixture.settled('committed');
    });

    test('error middleware that responds with 503 releases', async () => {
      const fixture = await expressFixture(version, (app, guard) => {
        app.post('/hooks', guard, () => {
          throw FAULT;
        });
        app.use(((_error, _req, res, _next) => res.status(503).send('later')) satisfies ErrorHandler);
      });
      expect((await fixture.deliver()).status).toBe(503);
      await fixture.settled('released');
    });

    test('a verified delivery that no route handles gets 404 and is released', async () => {
      const fixture = await expressFixture(version, (app, guard) => app.use('/hooks', guard));
      expect((await fixture.deliver()).status).toBe(404);
      await fixture.settled('released');
    });

    test('a later guard that denies releases', async () => {
      const deny: RequestHandler = (_, res) => res.sendStatus(403);
      const fixture = await expressFixture(version, (app, guard) =>
        app.post('/hooks', guard, deny, answerOk),
      );
      expect((await fixture.deliver()).status).toBe(403);
      await fixture.settled('released');
    });
  });

  describe('beside other middleware', () => {
    test.each([
      ['that holds the end back, ahead of it', [lateEnd(), 'guard']],
      ['that holds the end back, behind it', ['guard', lateEnd()]],
      ['that rewrites the body in a stream, ahead of it', [throughStream(), 'guard']],
      ['that rewrites the body in a stream, behind it', ['guard', throughStream()]],
    ] satisfies [string, ('guard' | RequestHandler)[]][])(
      'middleware %s: the end still settles',
      async (_, chain) => {
        const fixture = await expressFixture(version, (app, guard) => {
          app.post('/hooks', ...chain.map((each) => (each === 'guard' ? guard : each)), answerOk);
        });
        const response = await fixture.deliver();
        expect([response.status, await response.text()]).toEqual([200, 'ok']);
        await fixture.settled('committed');
      },
    );

    test('express.json() for the whole app behind the route leaves the bytes alone', async () => {
      const fixture = await expressFixture(version, (app, guard) => {
        app.use('/hooks', guard);
        app.use(expressOf(version).json(), expressOf(version).text({ type: '*/*' }));
        app.post(
          '/hooks',
          (req, res) => void res.json({ bytes: Buffer.isBuffer(req.body), text: String(req.body) }),
        );
      });
      const response = await fixture.deliver(signed('{"amount": 10.50}'));
      expect(await response.json()).toEqual({ bytes: true, text: '{"amount": 10.50}' });
    });

    test('mounted twice on one request, it refuses and releases what the first one claimed', async () => {
      const fixture = await expressFixture(version, (app, guard) =>
        app.post('/hooks', guard, guard, answerOk),
      );
      expect((await fixture.deliver()).status).toBe(500);
      await fixture.settled('released');
    });

    test('a host that responds for itself before the delivery is claimed: nothing runs, and it is released', async () => {
      const store = memoryReplayStore();
      let claimed: () => void = () => undefined;
      const mayClaim = new Promise<void>((resolve) => {
        claimed = resolve;
      });
      const handler = vi.fn(answerOk);
      const fixture = await expressFixture(
        version,
        (app, guard) => {
          const busy: RequestHandler = (_, res, next) => {
            next();
            setImmediate(() => res.sendStatus(503));
          };
          app.post('/hooks', busy, guard, handler);
        },
        {
          replay: {
            ...bound(store),
            claim: (key, options) => mayClaim.then(() => store.claim(key, options)),
          },
        },
      );
      expect((await fixture.deliver()).status).toBe(503);
      claimed();
      await fixture.settled('released');
      expect(handler).not.toHaveBeenCalled();
    });
  });

  test('a body parser before it is a warning for the operator, not for the sender', async () => {
    warnings.length = 0;
    const fixture = await expressFixture(version, (app, guard) => {
      app.post('/hooks', expressOf(version).json(), guard, answerOk);
    });
    const response = await fixture.deliver();
    expect([response.status, await response.text()]).toEqual([500, '{"error":"webhook refused"}']);
    const refused = fixture.events.find((event) => event.type === 'refused');
    expect(refused).toMatchObject({
      code: 'ERR_WEBHOOK_BODY_CONSUMED',
      message: expect.stringMatching(/parser/),
    });
    expect(warnings.filter(({ message }) => /body parser/.test(message))).toHaveLength(1);
  });

  test('fetch() reads the 413 of a body that it is still sending', async () => {
    const fixture = await expressFixture(version, (app, guard) => app.post('/hooks', guard, answerOk));
    const response = await fixture.deliver(signed('x'.repeat(5 * 1024 * 1024)));
    expect([response.status, await response.text()]).toEqual([413, '{"error":"webhook refused"}']);
  });
});

test('behind webhook() a handler has req.webhook without asking', () => {
  const handler: RequestHandler = (req, res) => {
    res.json(req.webhook.json<{ amount: number }>().amount);
  };
  expectTypeOf(handler).toBeFunction();
  expectTypeOf<Request['webhook']>().toEqualTypeOf<ReceivedWebhook>();
});

test.each([
  ['no verifier', () => webhook({} as never), /createVerifier/],
  [
    'an option it does not know',
    () => webhook(chooser, { maxBodyByte: 1 } as never),
    /Did you mean "maxBodyBytes"\?/,
  ],
  ['a limit of 0', () => webhook(chooser, { maxBodyBytes: 0 }), /maxBodyBytes/],
  ['a limit that is not whole', () => webhook(chooser, { maxBodyBytes: 1.5 }), /maxBodyBytes/],
  [
    'an unknown contentEncoding',
    () => webhook(chooser, { contentEncoding: 'gzip' as never }),
    /contentEncoding/,
  ],
  ['an unknown claim', () => webhook(chooser, { claim: false as never }), /"claim"/],
  ['a rawBody that is not a function', () => webhook(chooser, { rawBody: 'body' as never }), /rawBody/],
])('webhook() refuses %s when it is made', (_, make, message) => {
  expect(make).toThrow(
    expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID', message: expect.stringMatching(message) }),
  );
});

type ErrorHandler = (error: unknown, req: Request, res: Response, next: () => void) => void;

function chooser(): never {
  throw new Error('not called when it is made');
}

const answerOk: RequestHandler = (_, res) => {
  res.send('ok');
};

/** As sessions do: the end waits until something is saved. */
function lateEnd(): RequestHandler {
  return (_, res, next) => {
    const { end } = res;
    res.end = ((...args: Parameters<typeof end>) => {
      setImmediate(() => Reflect.apply(end, res, args));
      return res;
    }) as typeof end;
    next();
  };
}

/** As compression does: what is written goes through a stream, whose end ends the response. */
function throughStream(): RequestHandler {
  return (_, res, next) => {
    const { write, end } = res;
    const stream = new PassThrough();
    stream.on('data', (chunk) => Reflect.apply(write, res, [chunk]));
    stream.on('end', () => Reflect.apply(end, res, []));
    res.write = ((chunk: Uint8Array) => stream.write(chunk)) as typeof write;
    res.end = ((chunk?: Uint8Array) => {
      stream.end(chunk);
      return res;
    }) as typeof end;
    next();
  };
}

function bound(store: ReturnType<typeof memoryReplayStore>): ReturnType<typeof memoryReplayStore> {
  return {
    claim: (key, options) => store.claim(key, options),
    renew: (key, token, leaseMs) => store.renew(key, token, leaseMs),
    commit: (key, token, options) => store.commit(key, token, options),
    release: (key, token) => store.release(key, token),
    forget: (key) => store.forget(key),
  };
}
