import { join } from 'node:path';
import {
  type AttemptEvent,
  type RotationKind,
  type SimulatedSender,
  simulateSender,
} from '@countersign-internal/simulator';
import type { Endpoint } from './endpoints.ts';
import type { Route } from './messages.ts';
import type { RotatedSecret } from './outcome.ts';
import type { RotationOrder } from './rotations.ts';
import { SecretsFile } from './secrets-file.ts';

/** One endpoint with all that belongs to it. */
export interface Station {
  readonly endpoint: Endpoint;
  readonly sender: SimulatedSender;
  readonly file: SecretsFile;
  /** The rotations that are done, in order. */
  readonly rotated: ReadonlyMap<RotationKind, RotationOrder[]>;
}

/** Starts an endpoint's sender, and writes its first secrets to a file. */
export async function openStation(
  endpoint: Endpoint,
  options: {
    readonly address: string;
    readonly directory: string;
    readonly atEnd: (close: () => unknown) => Promise<void>;
    readonly onAttempt: (attempt: AttemptEvent) => void;
  },
): Promise<Station> {
  const { address, directory, atEnd, onAttempt } = options;
  const { name, secrets } = endpoint;
  const sender = await simulateSender({
    ...endpoint.sender,
    receiverUrl: `${address}/hooks/${name}`,
    onAttempt,
  });
  await atEnd(() => sender.close());
  const shown = sender.secrets();
  const file = new SecretsFile(join(directory, `${name}.json`));
  await file.create(secrets.map((kind) => shown[kind] ?? ''));
  return { endpoint, sender, file, rotated: new Map(secrets.map((kind) => [kind, []])) };
}

/** Its configuration for a receiver. */
export function routeOf({ endpoint, sender, file }: Station): Route {
  const { name, framework } = endpoint;
  return { endpoint: name, vendor: sender.vendor, framework, secretsPath: file.path };
}

/** Its secrets with their rotations. */
export function rotatedSecrets({ endpoint, rotated }: Station): RotatedSecret[] {
  return [...rotated].map(([secret, orders]) => ({ endpoint: endpoint.name, secret, orders }));
}

/** What the senders got a response with, other than a success, and how often. */
export function refusals(stations: readonly Station[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { sender } of stations) {
    for (const [answer, times] of Object.entries(sender.stats().answers)) {
      if (!answer.startsWith('2')) sum[answer] = (sum[answer] ?? 0) + times;
    }
  }
  return sum;
}
