import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Identifies a process. A process id alone is reused. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it was started, in a unit of the operating system; `'0'` if that can't be found out. */
  readonly started: string;
  /** The machine since its last start, and the container: the id is unique only there. */
  readonly place: string;
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: startOf('self') ?? '0', place: placeOf() };
}

/** Whether the process still runs; `undefined` if that can't be seen from here. */
export function isRunning({ pid, started, place }: ProcessIdentity): boolean | undefined {
  if (place !== placeOf()) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // With any other error, the process exists.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
  }
  const now = startOf(pid);
  return started === '0' || now === undefined || now === started;
}

/** The 22nd field. The second field, a name in brackets, may contain spaces. */
function startOf(pid: number | 'self'): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .at(19);
}

function placeOf(): string {
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')) ?? '';
  // In another container the same id is another process.
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '';
  return createHash('sha256').update(`${hostname()}\n${boot}\n${namespace}`).digest('hex').slice(0, 12);
}

function attempt(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
