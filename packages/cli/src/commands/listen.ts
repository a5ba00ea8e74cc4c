import { once } from 'node:events';
import { isWebhookError } from '@countersign/core';
import { type DeliverySummary, ListenError, type Listening, listen } from '@countersign/inspector/listen';
import type { Command } from 'commander';
import { CommandError, EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { createOutput, type Output, type Style, visible } from '../output.ts';
import { addSecretOptions, readSecrets, type SecretOptions } from '../secrets.ts';
import {
  addSenderArgument,
  findFactory,
  findScheme,
  kebab,
  readSenderOptions,
  type SenderOptions,
} from '../sender.ts';

interface ListenFlags extends SenderOptions, SecretOptions {
  readonly to: string;
  readonly port: string;
  readonly inspectorPort?: string;
  readonly record?: string;
}

const STYLES: Readonly<Record<DeliverySummary['outcome'], Style>> = {
  accepted: 'green',
  refused: 'red',
  failed: 'red',
  duplicate: 'yellow',
  handshake: 'yellow',
  unchecked: 'yellow',
  pending: 'yellow',
};

/** `countersign listen <sender> --to URL`: passes deliveries on byte for byte, and shows what a verifier says to them. */
export function addListen(program: Command, console: Console, done: (exitCode: number) => void): void {
  const command = program
    .command('listen')
    .description(
      'passes deliveries on to your server unchanged, verifies them beside it, and shows them on a page',
    )
    .requiredOption('--to <URL>', 'your server, such as http://localhost:3000')
    .option('--port <number>', 'the port for the sender or its tunnel; 0: any free port', '4400')
    .option('--inspector-port <number>', 'the port for the page; default: the next port, or any free one')
    .option('--record <FILE>', 'appends each delivery to a file, one JSON object a line');
  addSecretOptions(addSenderArgument(command)).action(async (sender: string, flags: ListenFlags) => {
    const scheme = findScheme(sender, readSenderOptions(flags, console));
    const port = readPort(flags.port, '--port');
    const inspectorPort =
      flags.inspectorPort === undefined ? undefined : readPort(flags.inspectorPort, '--inspector-port');
    const output = createOutput(console);
    const listening = await started(() =>
      startListening(scheme, kebab(findFactory(sender)), { ...flags, port, inspectorPort }, console, output),
    );
    output.text(`Send deliveries to ${listening.url}. They go on to ${flags.to}.`);
    output.line(`Inspector: ${listening.inspectorUrl}`);
    if (flags.record !== undefined) output.text(`Record: ${visible(flags.record)}`);
    output.line('Press Ctrl+C to stop.');
    await untilStopped(console);
    await listening.close();
    done(EXIT.ok);
  });
}

type Read = Omit<ListenFlags, 'port' | 'inspectorPort'> & {
  readonly port: number;
  readonly inspectorPort: number | undefined;
};

async function startListening(
  scheme: Parameters<typeof listen>[0]['scheme'],
  sender: string,
  { port, inspectorPort, to, record, publicUrl, ...flags }: Read,
  console: Console,
  output: Output,
): Promise<Listening> {
  const secrets = await readSecrets(flags, console);
  return listen({
    ...{ scheme, sender, secrets, to, port },
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(inspectorPort === undefined ? {} : { inspectorPort }),
    ...(record === undefined ? {} : { record }),
    onDelivery: (delivery, isExplained) => {
      if (isExplained) printCause(delivery, output);
      else printDelivery(delivery, output);
    },
    onWarning: (sentence) => output.line(output.style('yellow', visible(sentence))),
  });
}

/** Turns what can be mended at the terminal into a sentence. */
async function started<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof ListenError || isWebhookError(error))
      throw new CommandError(error.message.replaceAll('"publicUrl"', '--public-url'));
    throw error;
  }
}

function readPort(text: string, option: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new CommandError(`${option} must be a port from 0 to 65535, but it is "${visible(text)}".`);
}

/** One line: time, outcome, what it is, status, key. */
function printDelivery(delivery: DeliverySummary, output: Output): void {
  const { id, receivedAt, method, url, outcome, type, status, keyRole, durationMs, code } = delivery;
  const parts = [
    output.style('dim', new Date(receivedAt).toTimeString().slice(0, 8)),
    output.style(STYLES[outcome], outcome.padEnd(9)),
    `#${id}`,
    visible(type === undefined ? `${method} ${url}` : `${type} ${url}`),
    status === undefined ? 'no response' : String(status),
    ...(keyRole === undefined ? [] : [`${keyRole} key`]),
    ...(code === undefined ? [] : [code]),
    output.style('dim', `${Math.round(durationMs)} ms`),
  ];
  output.line(parts.join('  '));
}

function printCause({ id, cause, fix }: DeliverySummary, output: Output): void {
  if (cause === undefined) return;
  output.text(visible(`#${id}: ${cause}`), 2, 2);
  if (fix !== undefined) output.text(visible(fix), 4);
}

/** Resolves at Ctrl+C, or when the process is asked to end, or when a test's console ends. */
async function untilStopped({ stop }: Console): Promise<void> {
  if (stop !== undefined) {
    if (!stop.aborted) await once(stop, 'abort');
    return;
  }
  await new Promise<void>((resolve) => {
    const end = () => {
      process.off('SIGINT', end);
      process.off('SIGTERM', end);
      resolve();
    };
    process.on('SIGINT', end);
    process.on('SIGTERM', end);
  });
}
