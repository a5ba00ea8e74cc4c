import { createVerifier, memoryReplayStore, type ReplayStore } from '@countersign/core';
import { github } from '@countersign/schemes';
import type { LazyModuleLoader } from '@nestjs/core';
import { describe, expect, it, vi } from 'vitest';
import { createApp } from '../../../test/support/mounts/nest.ts';
import { decorateClass } from '../../../test/support/mounts/nest-decorate.ts';
import { hooksController, SECRET, serve, watchedVerifier } from './support/app.ts';
import { describeNest } from './support/setups.ts';

const BODY = '{"id": 1}';

describeNest((setup) => {
  const { nest, platform } = setup;

  describe.each(['onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown'])(
    'a client of a replay store that is closed in %s',
    (hook) => {
      it('is closed after the deliveries at work are committed', async () => {
        const store = memoryReplayStore();
        let open = true;
        const failures: string[] = [];
        const client: ReplayStore = {
          claim: (...args) => store.claim(...args),
          renew: (...args) => store.renew(...args),
          commit: async (...args) => {
            if (!open) throw new Error('the client is closed');
            return store.commit(...args);
          },
          release: (...args) => store.release(...args),
          forget: (...args) => store.forget(...args),
        };
        const verifier = createVerifier({
          scheme: github(),
          secrets: SECRET,
          replay: client,
          observe: (event) => {
            if (event.type === 'commit-failed') failures.push(event.type);
          },
        });
        class Database {}
        Object.assign(Database.prototype, {
          [hook]: () => {
            open = false;
          },
        });
        nest().common.Injectable()(Database);
        let finish: () => void = () => undefined;
        let runs = 0;
        const { app, post } = await serve(setup, {
          webhooks: { verifiers: { anchor: verifier } },
          controllers: [
            hooksController(setup, () => {
              runs += 1;
              return new Promise<void>((resolve) => {
                finish = resolve;
              });
            }),
          ],
          providers: [Database],
        });
        const first = post('/hooks/anchor', BODY);
        await vi.waitFor(() => expect(runs).toBe(1));
        const closed = app.close();
        if (hook === 'onModuleDestroy') {
          expect(await post('/hooks/anchor', '{"id": 2}')).toMatchObject({ status: 503 });
        }
        expect(open).toBe(true);
        finish();
        expect(await first).toMatchObject({ status: 201 });
        await closed;
        expect([open, failures, runs]).toEqual([false, [], 1]);
        await verifier.close();
      });
    },
  );

  it('without WebhookModule, a webhook stops the application and says what to import', async () => {
    class App {}
    decorateClass(App, [nest().common.Module({ controllers: [hooksController(setup, () => undefined)] })]);
    await expect(createApp(nest(), platform, App).then((app) => app.init())).rejects.toThrow(
      /Import WebhookModule\.forRoot/,
    );
  });

  it('WebhookModule in a module that is loaded lazily is refused with what to do', async () => {
    const { verifier } = watchedVerifier();
    const { app } = await serve(setup, { webhooks: { verifiers: { anchor: verifier } } });
    class Lazy {}
    decorateClass(Lazy, [
      nest().common.Module({
        imports: [nest().adapter.WebhookModule.forRoot({ verifiers: { late: verifier }, maxBodyBytes: 7 })],
      }),
    ]);
    const loader = app.get<LazyModuleLoader>(nest().core.LazyModuleLoader);
    await expect(loader.load(() => Lazy)).rejects.toThrow(/Import it in the root module/);
  });
});
