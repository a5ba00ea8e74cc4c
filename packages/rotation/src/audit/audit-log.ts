import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { nameOfError } from '../rotation-error.ts';
import { flushDirectory } from '../targets/atomic-file.ts';
import type { Audit, AuditRecord } from './audit-record.ts';

/** A log that has been found writable. */
export interface AuditLog {
  /** The log's name in messages. */
  readonly name: string;
  append(record: AuditRecord): Promise<void>;
  close(): Promise<void>;
}

const OWNER_ONLY = 0o600;

/**
 * Opens the audit, before anything is changed. A file stays open, so that a directory that is removed meanwhile can't lose the line.
 *
 * @throws what the file system or the function throws.
 */
export async function openAudit(audit: Audit, begun: AuditRecord): Promise<AuditLog> {
  if (typeof audit === 'string') return openFile(resolve(audit));
  await audit(begun);
  return { name: 'function', append: async (record) => audit(record), close: async () => undefined };
}

async function openFile(path: string): Promise<AuditLog> {
  // Appends, whoever else writes: the system moves to the end and writes in one step.
  const file = await open(path, 'a+', OWNER_ONLY);
  try {
    if (!(await file.stat()).isFile()) throw Object.assign(new Error('not a file'), { code: 'ENOTFILE' });
    await flushDirectory(dirname(path));
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    name: `file ${path}`,
    async append(record) {
      const line = Buffer.from(`${(await endsTorn(file)) ? '\n' : ''}${JSON.stringify(record)}\n`);
      const { bytesWritten } = await file.write(line);
      if (bytesWritten !== line.length) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      await file.sync();
    },
    close: () => file.close(),
  };
}

/** Whether a process was killed while it wrote the last line. */
async function endsTorn(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString() !== '\n';
}

/** Why a log can't be written, without the text of an error that may quote anything. */
export function auditProblem(name: string, error: unknown): string {
  return `The audit (${name}) can't be written (${nameOfError(error)}).`;
}
