import { hostname, userInfo } from 'node:os';
import { pageOfCode } from '@countersign/core/extend';
import type { JournalEntry } from '../journal.ts';
import type { RotationReport } from '../report.ts';
import type { Settings } from '../rotate-options.ts';
import { isRotationError, RotationError } from '../rotation-error.ts';
import type { VendorBase } from '../vendor.ts';
import { type AuditLog, auditProblem, openAudit } from './audit-log.ts';
import type { AuditRecord, AuditState, InterruptedRun } from './audit-record.ts';
import type { AuditTrail } from './audit-trail.ts';

type Audited = Pick<Settings, 'audit' | 'actor' | 'target' | 'clock' | 'compromised' | 'tell'> & {
  readonly vendor: Pick<VendorBase, 'name' | 'endpointId'>;
};
type Line = Partial<AuditRecord> & Pick<AuditRecord, 'outcome'>;

/**
 * Does the work and appends one line that says what was done. If the audit can't be written, the work is not begun. If it can't be
 * written any more afterwards, what was done stays done, and the report and a warning contain the line.
 *
 * @param lineOf Makes the line from the result.
 * @throws RotationError `ERR_ROTATION_AUDIT_FAILED`, and what the work throws.
 */
export async function audited<T>(
  settings: Audited,
  action: AuditRecord['action'],
  trail: AuditTrail,
  work: () => Promise<T>,
  lineOf: (result: T) => Line,
): Promise<{ result: T; audit: AuditState | undefined }> {
  const startedAt = new Date(settings.clock.now()).toISOString();
  const record = (line: Line): AuditRecord => recordOf(settings, action, startedAt, trail, line);
  const log = await openOrRefuse(settings, record({ outcome: 'begun' }));
  if (log === undefined) return { result: await work(), audit: undefined };
  try {
    let result: T;
    try {
      result = await work();
    } catch (error) {
      await append(settings, log, record({ outcome: 'failed', error: errorOf(error) }));
      throw error;
    }
    return { result, audit: await append(settings, log, record(lineOf(result))) };
  } finally {
    await log.close().catch(() => undefined);
  }
}

/** The part of a line that is in a report. */
export function lineOfReport(report: RotationReport): Line {
  const { outcome, order, current, previous } = report;
  return {
    outcome,
    order,
    current,
    ...(previous === undefined ? {} : { previousUntil: previous.notAfter.toISOString() }),
  };
}

async function openOrRefuse({ audit }: Audited, begun: AuditRecord): Promise<AuditLog | undefined> {
  if (audit === undefined) return undefined;
  try {
    return await openAudit(audit, begun);
  } catch (error) {
    const name = typeof audit === 'string' ? `file ${audit}` : 'function';
    throw new RotationError('ERR_ROTATION_AUDIT_FAILED', auditProblem(name, error), {
      secretState: 'unchanged',
      todo: 'Nothing was done. Check that its directory exists and that this process may write there.',
    });
  }
}

/** Never throws: what was done must not look as if it had failed. */
async function append({ tell }: Audited, log: AuditLog, record: AuditRecord): Promise<AuditState> {
  try {
    await log.append(record);
    return { state: 'written' };
  } catch (error) {
    const message = auditProblem(log.name, error);
    tell({ step: 'audit-failed', message });
    const code = 'ERR_ROTATION_AUDIT_FAILED';
    process.emitWarning(`${message} Store this line yourself: ${JSON.stringify(record)}`, {
      code,
      detail: `See ${pageOfCode(code)}`,
    });
    return { state: 'failed', message, record };
  }
}

function recordOf(
  settings: Audited,
  action: AuditRecord['action'],
  startedAt: string,
  { left, replaces, current }: AuditTrail,
  line: Line,
): AuditRecord {
  const { vendor, target, clock, compromised, actor } = settings;
  return {
    format: 1,
    action,
    at: new Date(clock.now()).toISOString(),
    startedAt,
    actor: actor ?? userName(),
    host: hostname(),
    pid: process.pid,
    vendor: vendor.name,
    endpointId: vendor.endpointId,
    target: target.name,
    ...(compromised ? { compromised } : {}),
    ...(replaces === undefined ? {} : { replaces }),
    ...(current === undefined ? {} : { current }),
    ...(left === undefined ? {} : { interrupted: interruptedRun(left) }),
    ...line,
  };
}

function interruptedRun({ at, step, replaces, next }: JournalEntry): InterruptedRun {
  return { at, step, replaces, ...(next === undefined ? {} : { next }) };
}

function errorOf(error: unknown): NonNullable<AuditRecord['error']> {
  if (!isRotationError(error)) return { code: 'unknown', secretState: 'unknown' };
  const { code, secretState, status, vendorCode, requestId } = error;
  return {
    code,
    secretState,
    ...(status === undefined ? {} : { status }),
    ...(vendorCode === undefined ? {} : { vendorCode }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** Some containers have no name for their user. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
