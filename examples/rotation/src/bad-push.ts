import { setTimeout as delay } from 'node:timers/promises';
import type { Receivers } from './receivers.ts';
import type { SecretsFile } from './secrets-file.ts';

/** What a bad push came to. */
export interface BadPush {
  readonly endpoint: string;
  /** How many processes say in their health that they refused the set. */
  readonly refusedBy: number;
  /** The code of the errors. */
  readonly code: string;
  /** Deliveries that were handled while the bad set was in the file. */
  readonly handledMeanwhile: number;
}

const LEFT_THERE_MS = 1500;

/** Writes an empty secret to an endpoint's file, checks how the receivers react, and restores the file. */
export async function pushBadSecrets(
  endpoint: string,
  tools: {
    readonly file: SecretsFile;
    readonly receivers: Pick<Receivers, 'setRefused' | 'report' | 'loaded'>;
    readonly handled: () => number;
    readonly signal: AbortSignal;
  },
): Promise<BadPush> {
  const { file, receivers, handled, signal } = tools;
  const mend = await file.breakIt();
  await receivers.setRefused(endpoint);
  const before = handled();
  await delay(LEFT_THERE_MS, undefined, { signal });
  const reports = (await receivers.report()).filter((report) => report.endpoint === endpoint);
  const refused = reports.flatMap((report) => (report.state === 'degraded' ? (report.refused ?? []) : []));
  const handledMeanwhile = handled() - before;
  await receivers.loaded(endpoint, await mend());
  return { endpoint, refusedBy: refused.length, code: refused[0]?.code ?? 'none', handledMeanwhile };
}
