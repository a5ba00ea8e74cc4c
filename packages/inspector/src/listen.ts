import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Scheme, VerifierOptions } from '@countersign/core';
import { randomToken } from './access.ts';
import type { Delivery, Endpoint } from './delivery.ts';
import { ExplainQueue } from './explain-queue.ts';
import { createHandler } from './handler.ts';
import { Exchange } from './listen/exchange.ts';
import { Judge } from './listen/judge.ts';
import { ListenError } from './listen/listen-error.ts';
import { RecordFile } from './listen/record-file.ts';
import { Relay } from './listen/relay.ts';
import { readTarget } from './listen/target.ts';
import { nodeListener } from './node-listener.ts';
import { NotedSecrets } from './noted-secrets.ts';
import { Recorder } from './recorder.ts';
import { Redactor } from './redactor.ts';
import { Replays } from './replay.ts';
import { summaryOf } from './views.ts';
import type { DeliverySummary } from './wire.ts';

/** Options of {@link listen}. */
export interface ListenOptions {
  /** How the sender signs. */
  scheme: Scheme;
  /** The sender's name, as the page and the record show it. Default: the scheme's name. */
  sender?: string;
  secrets: VerifierOptions['secrets'];
  /** The URL that the sender was given, if it signs the URL. */
  publicUrl?: string;
  /** Where requests are passed on to: `http://localhost:3000`. A path is written before the path of each request. */
  to: string;
  /** The port on loopback for the sender or its tunnel. 0: any free one. Default: 4400. */
  port?: number;
  /** The port on loopback for the page. Default: the next port after `port`, or any free one if that is in use. */
  inspectorPort?: number;
  /** A file to which each delivery is appended, as a {@link DeliveryRecord}. */
  record?: string;
  /** Called with each delivery when it is over, and again when its refusal is explained. */
  onDelivery?(delivery: DeliverySummary, isExplained: boolean): void;
  /** Called with sentences about what went wrong. */
  onWarning?(sentence: string): void;
}

/** What {@link listen} returns. */
export interface Listening {
  /** Where the sender, or its tunnel, must connect to: `http://127.0.0.1:4400`. */
  readonly url: string;
  /** The address of the page, with its token. */
  readonly inspectorUrl: string;
  /** Ends all connections, and closes the record when everything is written. */
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';
const DEFAULT_PORT = 4400;

/**
 * Listens for deliveries, passes each on byte for byte, and shows what a verifier says to it.
 *
 * @throws ListenError with a sentence if the target is not a URL, a port is in use, or the record can't be written; what
 * `createVerifier()` throws.
 * @example
 * ```ts
 * const { inspectorUrl } = await listen({ scheme: stripe(), secrets, to: 'http://localhost:3000' })
 * ```
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { scheme, publicUrl, sender = scheme.name } = options;
  const warn = options.onWarning ?? (() => undefined);
  const target = readTarget(options.to);
  const secrets = new NotedSecrets(options.secrets, scheme);
  const redactor = new Redactor(secrets, scheme, publicUrl);
  const endpoint: Endpoint = {
    ...{ name: sender, scheme, secrets, redactor },
    ...{ publicUrl: () => publicUrl, toleranceSeconds: undefined },
  };
  const recorder = new Recorder();
  const replays = new Replays();
  const relays = new Set<Relay>();
  const open = new Set<Exchange>();
  const explanations = new ExplainQueue(() => open.size > 0);
  const judge = new Judge(endpoint, explanations);
  await judge.ready();
  const record = options.record === undefined ? undefined : await RecordFile.open(options.record, warn);

  const begin: ConstructorParameters<typeof Relay>[1]['begin'] = (head) => {
    const delivery = recorder.add(endpoint, head, replays.originOf(head.rawHeaders));
    replays.arrived(head.rawHeaders, delivery.id);
    const exchange: Exchange = new Exchange(
      delivery,
      (each) => judge.judge(each),
      (each) => {
        open.delete(exchange);
        record?.add(each);
        options.onDelivery?.(summaryOf(each), false);
      },
    );
    open.add(exchange);
    return exchange;
  };
  recorder.watch((changed) => {
    if (changed === 'dropped' || changed.steps.at(-1)?.step !== 'explained') return;
    options.onDelivery?.(summaryOf(changed), true);
  });

  const proxy = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const relay = new Relay(client, { target, begin, warn: (sentence) => warn(redactor.text(sentence)) });
    relays.add(relay);
    client.once('close', () => relays.delete(relay));
  });
  let page: HttpServer | undefined;
  try {
    const port = await start(proxy, options.port ?? DEFAULT_PORT, '--port');
    refuseOwnAddress(target.url, port);
    const url = `http://${LOOPBACK}:${port}`;
    const token = randomToken();
    const handle = createHandler({
      ...{ recorder, token, mountPath: '/', hosts: [], title: `${url} → ${target.url.href}`, origin: url },
      endpoints: [{ name: sender, scheme: scheme.name }],
      replay: (delivery: Delivery) => replays.send(delivery, url),
    });
    const listener = nodeListener(handle, { mountPath: '/', remote: false });
    const server = createHttpServer((request, response) => listener(request, response));
    page = server;
    const pagePort = await startPage(server, options.inspectorPort, port);
    return {
      url,
      inspectorUrl: `http://${LOOPBACK}:${pagePort}/${token}/`,
      async close() {
        explanations.close();
        for (const relay of relays) relay.destroy();
        server.closeAllConnections();
        await Promise.all([closed(proxy), closed(server), judge.close()]);
        await record?.close();
      },
    };
  } catch (error) {
    await Promise.all([closed(proxy), page && closed(page), judge.close(), record?.close()]);
    throw error;
  }
}

/** @throws ListenError if the port can't be used. */
function start(server: Server, port: number, option: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? `The port ${port} is in use. Stop what uses it, or pass another one: ${option} ${port > 60_000 ? port - 10 : port + 10}.`
          : `The port ${port} can't be used (${error.code}). Pass another one: ${option} 4410.`;
      reject(new ListenError(why));
    });
    server.listen(port, LOOPBACK, () => resolve((server.address() as AddressInfo).port));
  });
}

async function startPage(server: Server, given: number | undefined, proxyPort: number): Promise<number> {
  if (given !== undefined) return start(server, given, '--inspector-port');
  try {
    return await start(server, proxyPort + 1, '--inspector-port');
  } catch {
    return start(server, 0, '--inspector-port');
  }
}

/** Every request would come back for ever. */
function refuseOwnAddress({ hostname, port }: URL, ownPort: number): void {
  if (Number(port) === ownPort && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname))
    throw new ListenError(
      `The target is the port ${ownPort} on which this command itself listens. Pass another --port, or correct --to.`,
    );
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
}

export type { DeliverySummary };
export { ListenError };
