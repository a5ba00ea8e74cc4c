import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifier, type DefinedScheme, type ReceivedWebhook } from '@countersign/core';
import { readBody } from '@countersign/core/node';
import type { RecoverOptions } from '@countersign/rotation';
import { github, resend, stripe, svix } from '@countersign/schemes';
import {
  type RecoverableSender,
  type RecoverableSenderOptions,
  sequenceOf,
  simulateGithub,
  simulateResend,
  simulateStripe,
  simulateSvix,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';
import { onTestFinished } from 'vitest';
import { portOf } from '../../../../test/support/listen.ts';
import { type SenderAccess, type SenderName, vendorFor } from './recovery-access.ts';

const SCHEMES: Record<SenderName, () => DefinedScheme> = { github, stripe, svix, resend };

const signWith = (secret: string, id: string, at: Date, body: string): string =>
  new Webhook(secret).sign(id, at, body);

/** Starts a simulated account. */
function startSender(name: SenderName, options: RecoverableSenderOptions): Promise<RecoverableSender> {
  switch (name) {
    case 'github':
      return simulateGithub(options);
    case 'stripe':
      return simulateStripe(options);
    case 'svix':
      return simulateSvix({ ...options, signWith });
    case 'resend':
      return simulateResend({ ...options, signWith });
  }
}

/** An application that handles the deliveries of one sender. */
interface Application {
  readonly url: string;
  /** How often the handler ran, by the number in the delivery. */
  readonly runs: Map<number, number>;
  /** While it is down, connections are cut. */
  down: boolean;
  /** Replaces what the handler does. */
  handler: (webhook: ReceivedWebhook) => unknown;
  /** Loads the secret, which is known only after the sender has started. */
  load(secret: string): void;
  handle: ReturnType<typeof createVerifier>['handle'];
}

/** Starts an application for one sender; it ends with the test. */
async function startApplication(name: SenderName): Promise<Application> {
  const runs = new Map<number, number>();
  let verifier: ReturnType<typeof createVerifier> | undefined;
  const handler = async (webhook: ReceivedWebhook) => {
    const sequence = sequenceOf(webhook.body) ?? -1;
    runs.set(sequence, (runs.get(sequence) ?? 0) + 1);
    await application.handler(webhook);
  };
  const server = createServer((request, response) => {
    void (async () => {
      if (application.down) return void request.socket.destroy();
      const body = await readBody(request, { maxBodyBytes: 1024 * 1024 });
      const answer = await application.handle(
        { method: request.method, url: request.url, headers: request.rawHeaders, body },
        handler,
      );
      response.writeHead(answer.status, answer.headers).end(answer.body);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await verifier?.close();
  });
  const application: Application = {
    url: `http://127.0.0.1:${portOf(server)}/hooks`,
    runs,
    down: false,
    handler: () => undefined,
    load(secret) {
      verifier = createVerifier({ scheme: SCHEMES[name](), secrets: secret, observe: () => undefined });
    },
    handle(request, handle) {
      if (verifier === undefined) throw new Error('No secret is loaded.');
      return verifier.handle(request, handle);
    },
  };
  return application;
}

/** An account, an application, and a place for the journal. */
export interface Scene {
  readonly name: SenderName;
  readonly sender: RecoverableSender;
  readonly application: Application;
  readonly access: SenderAccess;
  readonly directory: string;
  readonly journal: string;
  /** The options of `recover()` for the last hour. */
  options(): Omit<RecoverOptions, 'dryRun'> & { journal: string; dryRun?: false };
}

/** Everything ends with the test. */
export async function openScene(
  name: SenderName,
  start: (options: RecoverableSenderOptions) => Promise<RecoverableSender> = (options) =>
    startSender(name, options),
  options: Partial<RecoverableSenderOptions> = {},
): Promise<Scene> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-recover-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const application = await startApplication(name);
  const sender = await start({ receiverUrl: application.url, ...options });
  onTestFinished(() => sender.close());
  application.load(sender.secret);
  const access = { name, baseUrl: sender.apiUrl, access: sender.access, secret: sender.secret };
  const journal = join(directory, 'journal');
  return {
    name,
    sender,
    application,
    access,
    directory,
    journal,
    options: () => ({
      vendor: vendorFor(access),
      since: new Date(Date.now() - 3_600_000),
      journal,
      paceSeconds: 0,
      ...(name === 'stripe' ? { to: application.url } : {}),
    }),
  };
}

/** Half an hour of events, of which the receiver misses all but some at both ends. */
export async function outage({ sender, application }: Scene, { before = 5, during = 30, after = 5 } = {}) {
  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
  for (let index = 0; index < before; index++) await sender.emit(minutesAgo(45 - index));
  application.down = true;
  for (let index = 0; index < during; index++) await sender.emit(minutesAgo(35 - (30 * index) / during));
  application.down = false;
  for (let index = 0; index < after; index++) await sender.emit(minutesAgo(4 - index / 2));
}

/** Numbers of the events that the handler did not see, and of those that it saw more than once. */
export function verdict({ sender, application }: Scene): { lost: number[]; twice: number[] } {
  const sequences = sender.events().map(({ sequence }) => sequence);
  return {
    lost: sequences.filter((sequence) => !application.runs.has(sequence)),
    twice: sequences.filter((sequence) => (application.runs.get(sequence) ?? 0) > 1),
  };
}
