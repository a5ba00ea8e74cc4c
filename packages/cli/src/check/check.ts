import { type DefinedScheme, isWebhookError } from '@countersign/core';
import { CommandError } from '../command-error.ts';
import type { Pair } from './delivery.ts';
import type { Finding } from './finding.ts';
import { Probe } from './probe.ts';
import { Reference } from './reference.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';
import { type CountRuns, type Patience, Runs } from './run-counter.ts';
import { Sender } from './sender.ts';
import type { Target } from './target.ts';

/** What a check needs. */
export interface CheckOptions {
  readonly scheme: DefinedScheme;
  /** The receiver's secret. Not needed if the sender signs with a private key. */
  readonly secret: string | undefined;
  readonly previous?: string | undefined;
  readonly target: Target;
  /** The URL that the sender signs. Default: that of the target. */
  readonly publicUrl?: string | undefined;
  /** Says how often the handler has run. Without it, only answers are judged. */
  readonly countRuns?: CountRuns | undefined;
  /** A body of the receiver's own events. */
  readonly body?: string | undefined;
  /** A body with which the handler fails. */
  readonly failBody?: string | undefined;
  readonly headers?: readonly Pair[];
  readonly patience?: Partial<CheckPatience>;
  /** The rows to judge. Default: all. The first one must be among them. */
  readonly rows?: readonly Row[];
  /** Called before each row. */
  onRow?(row: Row, index: number): void;
}

/** The times of a check, in milliseconds. */
interface CheckPatience extends Patience {
  /** After this time, the rows that are left are not judged. Default: 50,000. */
  readonly budgetMs: number;
  /** How long to wait for an answer. Default: 10,500. */
  readonly timeoutMs: number;
  /** Between the pieces of a slow body, and between two tries. Default: 150. */
  readonly pauseMs: number;
}

/** A row and what came of it. */
export interface JudgedRow {
  readonly row: Row;
  readonly finding: Exclude<Finding, undefined>;
}

/** What a check has found. */
export interface CheckReport {
  readonly sender: string;
  /** The receiver's URL without credentials and query. */
  readonly to: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly requests: number;
  readonly countsRuns: boolean;
  /** How long a wait for a run that must not happen lasted at last. */
  readonly settleMs: number | undefined;
  readonly rows: readonly JudgedRow[];
  /** Rows that do not concern this sender. */
  readonly left: readonly Row[];
}

const DEFAULTS: CheckPatience = {
  runMs: 3_000,
  settleMs: 60,
  budgetMs: 50_000,
  timeoutMs: 10_500,
  pauseMs: 150,
};

/**
 * Checks a receiver from outside. It sends real deliveries with ids of its own, which the receiver handles.
 *
 * @throws CommandError if a secret is not one of this sender.
 */
export async function runCheck(options: CheckOptions): Promise<CheckReport> {
  const { scheme, target } = options;
  const patience = { ...DEFAULTS, ...options.patience };
  const startedAt = new Date();
  const begin = performance.now();
  const publicUrl = options.publicUrl ?? target.url.href;
  const sender = new Sender({
    scheme,
    secret: options.secret,
    previous: options.previous,
    publicUrl,
    body: options.body,
    headers: options.headers ?? [],
  });
  const reference = await createReference(sender, publicUrl);
  try {
    const { countRuns, failBody } = options;
    const runs = countRuns === undefined ? undefined : await Runs.start(countRuns, patience);
    const probe = new Probe({
      sender,
      reference,
      target,
      runs,
      failBody,
      pauseMs: patience.pauseMs,
      timeoutMs: patience.timeoutMs,
    });
    const rows: JudgedRow[] = [];
    const left: Row[] = [];
    for (const [index, row] of (options.rows ?? ROWS).entries()) {
      options.onRow?.(row, index);
      const finding = await judge(probe, row, performance.now() - begin > patience.budgetMs);
      if (finding === undefined) left.push(row);
      else rows.push({ row, finding });
    }
    return {
      sender: scheme.name,
      to: target.shown,
      startedAt,
      durationMs: performance.now() - begin,
      requests: probe.requests,
      countsRuns: runs !== undefined,
      settleMs: runs?.settleMs,
      rows,
      left,
    };
  } finally {
    await reference.close();
  }
}

/** Rows that look back at what others have seen are judged even if the time is up. */
async function judge(probe: Probe, row: Row, isLate: boolean): Promise<Finding> {
  if (isLate && row.group !== 'answers')
    return { verdict: 'not judged', seen: 'the time was up: the receiver responds too slowly' };
  probe.row = row.name;
  return row.judge(probe);
}

async function createReference(sender: Sender, publicUrl: string): Promise<Reference> {
  try {
    return await Reference.create(sender.scheme, sender.verifierSecrets, publicUrl);
  } catch (error) {
    if (isWebhookError(error)) throw new CommandError(error.message);
    throw error;
  }
}
