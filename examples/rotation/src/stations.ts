import { join } from 'node:path';
import {
  type AnySimulatedSender,
  type AttemptEvent,
  type RotationKind,
  simulateSender,
} from '@countersign-internal/simulator';
import type { Endpoint } from './endpoints.ts';
import type { Forger } from './forger.ts';
import type { Route } from './messages.ts';
import type { RotatedSecret } from './outcome.ts';
import type { RotationOrder } from './rotations.ts';
import { SecretsFile } from './secrets-file.ts';
import type { SenderNumbers } from './tally.ts';

/** One endpoint with all that belongs to it. */
export interface Station {
  readonly endpoint: Endpoint;
  readonly sender: AnySimulatedSender;
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
export function routeOf({ endpoint, file }: Station): Route {
  const { name, framework } = endpoint;
  return { endpoint: name, vendor: endpoint.sender.vendor, framework, secretsPath: file.path };
}

/** Its secrets with their rotations. */
export function rotatedSecrets({ endpoint, rotated }: Station): RotatedSecret[] {
  return [...rotated].map(([secret, orders]) => ({ endpoint: endpoint.name, secret, orders }));
}

/** What a sender reports, in the words of the table. */
export function numbersOf({ sender }: Station, forger: Pick<Forger, 'refusedAt'>): SenderNumbers {
  const { sent, retried, lost, answers } = sender.stats();
  const early = Object.entries(answers).reduce(
    (sum, [answer, times]) => (/^[45]/.test(answer) ? sum + times : sum),
    0,
  );
  // GitHub gives a delivery up at once, and is asked to send it again: whether it is lost shows at the end.
  const isRecovered = sender.vendor === 'github';
  return {
    sent,
    retried: isRecovered ? lost : retried,
    lost: isRecovered ? 0 : lost,
    early,
    forgeriesRefused: forger.refusedAt(sender),
  };
}
