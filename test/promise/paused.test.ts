import { setTimeout as sleep } from 'node:timers/promises';
import { createVerifier, type ReplayStore } from '@countersign/core';
import { redisReplayStore } from '@countersign/redis';
import { anchorBrowser } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { bodyOf, newSecret, untilAnswered } from '../support/faults/fixture.ts';
import { type PausingSetup, type StoreClient, startPausing } from '../support/receivers/pausing.ts';
import { describeWith } from '../support/servers/available.ts';
import type { LocalServer } from '../support/servers/local-server.ts';
import { type Database, databaseOn } from '../support/servers/postgres-database.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { startRedis } from '../support/servers/redis-server.ts';

const describeWithServers = await describeWith('redis-server', 'postgres-server');

describeWithServers.each<StoreClient>(['ioredis', 'node-redis', 'pg'])(
  'a process that is stopped, with %s',
  (client) => {
    let server: LocalServer;
    let database: Database | undefined;
    let sequence = 0;
    beforeAll(async () => {
      server = await (client === 'pg' ? startPostgres() : startRedis());
      if (client === 'pg') database = await databaseOn(server.url);
    });
    afterAll(async () => {
      await database?.close();
      await server?.stop();
    });

    /** The process, and another instance in this one. */
    function start(stopAt: PausingSetup['stopAt'], leaseSeconds: number) {
      const secret = newSecret();
      const body = bodyOf(++sequence).toString();
      const schema = database?.schema ?? '';
      const paused = startPausing({
        ...{ client, url: server.url, schema, secret, body },
        leaseSeconds,
        stopAt,
      });
      const verifier = createVerifier({ scheme: anchorBrowser(), secrets: secret, replay: otherStore() });
      let runs = 0;
      return {
        paused,
        runs: () => runs,
        async send() {
          const { headers, body: bytes } = sign(anchorBrowser(), { secret, body });
          const run = () => {
            runs++;
          };
          const { status } = await verifier.handle({ headers, body: bytes }, run, {
            settle: 'before-response',
          });
          return status;
        },
      };
    }

    function otherStore(): ReplayStore {
      if (database !== undefined) return database.store();
      const redis = new Redis(server.url);
      onTestFinished(() => redis.disconnect());
      return redisReplayStore({ client: redis });
    }

    it('between the response of the store and its handler does not run what another instance has run meanwhile', async () => {
      const { paused, send, runs } = start('claimed', 1);
      await paused.said('stopped');
      // The lease of the paused process must end first.
      expect(await untilAnswered(send)).toBe(204);
      paused.resume();
      await paused.said(/^status/);
      expect(paused.lines()).toContain('status 503');
      expect(paused.lines()).not.toContain('handled');
      expect(await send()).toBe(200);
      expect(runs()).toBe(1);
    });

    it('for longer than it would wait for the store releases its claim: the retry runs at once', async () => {
      const { paused, send, runs } = start('claimed', 3600);
      await paused.said('stopped');
      // Longer than a verifier waits for any store, and much shorter than the lease. Only time shows that.
      await sleep(7000);
      paused.resume();
      await paused.said('status 503');
      expect(paused.lines()).not.toContain('handled');
      expect(await untilAnswered(send)).toBe(204);
      expect(runs()).toBe(1);
    });

    it('as soon as it has a response, for ever, has committed: nothing runs twice', async () => {
      // Longer than the test may take: only the commit keeps a second run away.
      const { paused, send, runs } = start('responded', 3600);
      await paused.said('stopped');
      await paused.kill();
      expect(await send()).toBe(200);
      expect(paused.lines()).toContain('handled');
      expect(runs()).toBe(0);
    });
  },
);
