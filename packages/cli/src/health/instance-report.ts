import type { FleetReport } from '@countersign/rotation';

/** What one instance reports: what `fleet()` reads, and what only people read. */
export interface InstanceReport {
  readonly url: string;
  readonly instance: string;
  /** By the instance's own clock. */
  readonly time: Date;
  /** By the name of the verifier. */
  readonly verifiers: Readonly<
    Record<string, { readonly scheme: string; readonly warnings: readonly string[] }>
  >;
  readonly received: FleetReport;
}

/** Reads what a health handler responds with. `undefined`: it is something else. */
export function readReport(url: string, value: unknown): InstanceReport | undefined {
  const { instance, time, verifiers } = asRecord(value) ?? {};
  const reported = asRecord(verifiers);
  const at = new Date(String(time));
  if (typeof instance !== 'string' || Number.isNaN(at.getTime()) || reported === undefined) return undefined;
  const healths = Object.entries(reported).map(([name, health]) => [name, asRecord(health)] as const);
  if (healths.some(([, health]) => !Array.isArray(asRecord(health?.secrets)?.keys))) return undefined;
  return {
    ...{ url, instance, time: at, received: value as FleetReport },
    verifiers: Object.fromEntries(
      healths.map(([name, health]) => [
        name,
        { scheme: String(health?.scheme), warnings: messagesOf(health?.warnings) },
      ]),
    ),
  };
}

function messagesOf(warnings: unknown): string[] {
  return Array.isArray(warnings) ? warnings.map((warning) => String(asRecord(warning)?.message)) : [];
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
