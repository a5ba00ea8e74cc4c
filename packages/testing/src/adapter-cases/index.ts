import { createVerifier } from '@countersign/core';
import { abortCases } from './aborts.ts';
import { bodyLimitCases } from './body-limits.ts';
import { byteCases } from './bytes.ts';
import { type AdapterCase, runCase } from './case-table.ts';
import { connectionCases } from './connections.ts';
import { departureCases } from './departures.ts';
import { encodingCases } from './encodings.ts';
import { handshakeCases } from './handshakes.ts';
import { headerCases } from './headers.ts';
import { hostCases } from './hosts.ts';
import { keyCases } from './keys.ts';
import type { AdapterLimit, AdapterMount } from './mount.ts';
import type { CaseContext } from './receiver.ts';
import { refusalCases } from './refusals.ts';
import { replayCases } from './replay.ts';
import { settlingCases } from './settling.ts';
import { storeFaultCases } from './store-faults.ts';
import { tenantCases } from './tenants.ts';
import { timestampCases } from './timestamps.ts';
import { webhookFieldCases } from './webhook-fields.ts';

export type {
  AdapterLimit,
  AdapterMount,
  AdapterSetup,
  MountedAdapter,
  RequestWithHeaders,
  RouteAction,
  RouteInput,
} from './mount.ts';

/** Options of {@link adapterCases}. */
export interface AdapterCasesOptions {
  /** What the host can't do. Each limit replaces the cases that need it, and is part of their names. Default: none. */
  readonly limits?: readonly AdapterLimit[];
  /** How long a case waits for a response, or anything else that should happen, in milliseconds. Default: 30,000. */
  readonly patienceMs?: number;
  /** Makes the verifiers of all cases. Pass one that is broken on purpose to see which cases notice it. Default: the real one. */
  readonly createVerifier?: CaseContext['createVerifier'];
}

const ALL: readonly AdapterCase[] = [
  ...byteCases,
  ...encodingCases,
  ...bodyLimitCases,
  ...webhookFieldCases,
  ...keyCases,
  ...headerCases,
  ...timestampCases,
  ...handshakeCases,
  ...replayCases,
  ...storeFaultCases,
  ...settlingCases,
  ...abortCases,
  ...departureCases,
  ...refusalCases,
  ...connectionCases,
  ...hostCases,
  ...tenantCases,
];

/**
 * What every adapter must do, as cases for any test runner: a case throws if the adapter under test is wrong. The cases use real
 * sockets, byte by byte, real verifiers and an injected clock.
 *
 * @param mount Mounts the adapter. Called once or a few times per case.
 *
 * @example
 * ```ts
 * for (const { name, run } of adapterCases(mountMyAdapter, { limits: ['malformed-json'] })) test(name, run)
 * ```
 */
export function adapterCases(
  mount: AdapterMount,
  options: AdapterCasesOptions = {},
): { name: string; run(): Promise<void> }[] {
  const { limits = [], patienceMs = 30_000 } = options;
  const context = { mount, patienceMs, createVerifier: options.createVerifier ?? createVerifier };
  return ALL.map(({ name, check, limited = [] }) => {
    const limit = limited.find(({ by }) => limits.includes(by));
    if (limit === undefined) return { name, run: () => runCase(context, check) };
    return {
      name: `${name} [limit ${limit.by}: ${limit.name}]`,
      run: () => runCase(context, limit.check ?? (async () => undefined)),
    };
  });
}
