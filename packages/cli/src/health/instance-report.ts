/** One key of one verifier, as an instance reports it. */
export interface ReportedKey {
  readonly id: string;
  readonly role: string;
  readonly matches: number;
  readonly lastMatchAt: Date | undefined;
}

/** One verifier of an instance. */
export interface ReportedVerifier {
  readonly state: string;
  readonly scheme: string;
  readonly loadedAt: Date | undefined;
  readonly rotatingUntil: Date | undefined;
  readonly keys: readonly ReportedKey[];
  readonly warnings: readonly string[];
}

/** What one instance reports. */
export interface InstanceReport {
  readonly url: string;
  readonly instance: string;
  /** By the instance's own clock, as the other times are. */
  readonly time: Date;
  readonly verifiers: Readonly<Record<string, ReportedVerifier>>;
  /** The verifiers as they were received, for `rotate()`. */
  readonly received: Readonly<Record<string, unknown>>;
}

/** Reads what a health handler responds with. `undefined`: it is something else. */
export function readReport(url: string, value: unknown): InstanceReport | undefined {
  const { instance, time, verifiers } = asRecord(value) ?? {};
  const received = asRecord(verifiers);
  const at = asDate(time);
  if (typeof instance !== 'string' || at === undefined || received === undefined) return undefined;
  const read = Object.entries(received).map(([name, verifier]) => [name, readVerifier(verifier)] as const);
  if (read.some(([, verifier]) => verifier === undefined)) return undefined;
  return {
    ...{ url, instance, time: at, received },
    verifiers: Object.fromEntries(read) as Record<string, ReportedVerifier>,
  };
}

function readVerifier(value: unknown): ReportedVerifier | undefined {
  const { state, scheme, secrets, warnings } = asRecord(value) ?? {};
  const { keys, loadedAt, rotatingUntil } = asRecord(secrets) ?? {};
  if (!Array.isArray(keys)) return undefined;
  return {
    state: String(state),
    scheme: String(scheme),
    loadedAt: asDate(loadedAt),
    rotatingUntil: asDate(rotatingUntil),
    keys: keys.map((key: unknown) => {
      const { id, role, matches, lastMatchAt } = asRecord(key) ?? {};
      return {
        id: String(id),
        role: String(role),
        matches: Number(matches ?? 0),
        lastMatchAt: asDate(lastMatchAt),
      };
    }),
    warnings: Array.isArray(warnings) ? warnings.map((warning) => String(asRecord(warning)?.message)) : [],
  };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function asDate(value: unknown): Date | undefined {
  const date = typeof value === 'string' || typeof value === 'number' ? new Date(value) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}
