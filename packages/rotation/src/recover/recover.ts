import { configError } from '@countersign/core/extend';
import { openJournal, readJournal } from './journal.ts';
import { recoverOne } from './recover-one.ts';
import { type RecoverOptions, type RecoverSettings, readRecoverOptions } from './recover-options.ts';
import { isRecoveryError } from './recovery-error.ts';
import type { FailedDelivery, RecoveryPlan, RecoveryReport } from './recovery-report.ts';
import type { MissedDelivery } from './recovery-vendor.ts';
import { sift } from './sift.ts';
import { VendorSession } from './vendor-session.ts';

const DAY_MS = 86_400_000;

/**
 * Asks a sender what it could not deliver, and has it sent again: by the sender itself or, if its API can't do that, by signing the
 * event as the sender does and sending it to your receiver. Your receiver checks it as it checks every delivery, and handles it at
 * most once, also if the sender retries at the same time.
 *
 * If it is killed, run it again: it goes on, and asks for nothing a second time that is still under way.
 *
 * @throws RecoveryError with `code`, `todo` (what to do) and `progress`.
 * @throws WebhookError `ERR_WEBHOOK_CONFIG_INVALID` for a wrong option.
 * @example
 * ```ts
 * const report = await recover({
 *   vendor: recoverable.github({ owner: 'acme', repo: 'shop', hookId: 12345678, token: process.env.GITHUB_TOKEN }),
 *   since: new Date(Date.now() - 3600_000),
 *   journal: '/var/lib/webhooks/github.recovery',
 * })
 * console.log(report.message)
 * ```
 */
export function recover(options: RecoverOptions & { dryRun: true }): Promise<RecoveryPlan>;
export function recover(options: RecoverOptions & { dryRun?: false }): Promise<RecoveryReport>;
export function recover(options: RecoverOptions): Promise<RecoveryReport | RecoveryPlan>;
export async function recover(options: RecoverOptions): Promise<RecoveryReport | RecoveryPlan> {
  const settings = readRecoverOptions(options);
  const counts: Counts = { missed: 0, resent: 0, skipped: 0 };
  const session = openSession(settings, counts);
  try {
    return options.dryRun === true ? await plan(settings, session) : await run(settings, session, counts);
  } catch (error) {
    if (isRecoveryError(error)) {
      error.progress = { missed: counts.missed, resent: counts.resent, calls: session.calls };
    }
    throw error;
  }
}

interface Counts {
  missed: number;
  resent: number;
  skipped: number;
}

function openSession(settings: RecoverSettings, counts: Counts): VendorSession {
  const { vendor, clock, timeoutMs, maxWaitMs, paceMs, signal, tell } = settings;
  return new VendorSession(vendor, {
    clock,
    timeoutMs,
    maxWaitMs,
    paceMs,
    signal,
    onWait: (message) => tell({ step: 'waiting', done: counts.resent, of: counts.missed, message }),
  });
}

async function plan(settings: RecoverSettings, session: VendorSession): Promise<RecoveryPlan> {
  const { vendor, window, journal } = settings;
  const earlier = journal === undefined ? undefined : await readJournal(journal, ownerOf(settings));
  const listed = await list(settings, session);
  const { wanted, uncertain } = await sift(listed, settings, (id) => earlier?.find(id));
  const { calls, pages } = session;
  return {
    outcome: 'planned',
    vendor: vendor.name,
    endpointId: vendor.endpointId,
    ...window,
    missed: wanted,
    uncertain,
    beyondKept: isBeyondKept(settings),
    calls,
    pages,
    resendCall: vendor.resendCall,
    message: `${vendor.name} ${vendor.endpointId}: ${wanted.length} deliveries would be sent again. Nothing was sent.`,
  };
}

async function run(
  settings: RecoverSettings,
  session: VendorSession,
  counts: Counts,
): Promise<RecoveryReport> {
  const { vendor, clock, tell } = settings;
  if (settings.journal === undefined) throw configError('"journal" must be the path of a file.');
  const journal = await openJournal(settings.journal, ownerOf(settings), {
    clock,
    lock: settings.lock,
    keptMs: vendor.keptSeconds * 1000 + DAY_MS,
  });
  try {
    // Listed under the lock: what an earlier run has had sent again is in the list by now.
    const listed = await list(settings, session);
    counts.missed = listed.length;
    const { wanted, unhandled, uncertain, skipped } = await sift(listed, settings, (id) => journal.find(id));
    counts.skipped = skipped;
    const failed: FailedDelivery[] = [];
    let failedInARow = 0;
    for (const delivery of wanted) {
      const tools = { settings, session, journal, counts, failedInARow };
      const outcome = await recoverOne(delivery, tools, unhandled.has(delivery));
      if (outcome.state === 'sent') counts.resent++;
      if (outcome.state === 'not-needed') counts.skipped++;
      if (outcome.state === 'uncertain') uncertain.push(delivery);
      if (outcome.state === 'failed') failed.push({ delivery, reason: outcome.reason });
      failedInARow = outcome.state === 'failed' ? failedInARow + 1 : 0;
    }
    const report = reportOf(settings, session, { counts, uncertain, failed });
    tell({ step: 'closed', done: counts.resent, of: counts.missed, message: report.message });
    return report;
  } finally {
    await journal.close();
  }
}

function ownerOf({ vendor }: RecoverSettings): { vendor: string; endpointId: string } {
  return { vendor: vendor.name, endpointId: vendor.endpointId };
}

async function list(settings: RecoverSettings, session: VendorSession): Promise<readonly MissedDelivery[]> {
  const { vendor, window, tell } = settings;
  const listed = await vendor.list(window, session);
  const message = `${vendor.name} could not make ${listed.length} deliveries.`;
  tell({ step: 'listed', done: 0, of: listed.length, message });
  // In the order in which the receiver would have got them.
  return [...listed].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
}

function isBeyondKept({ vendor, window, clock }: RecoverSettings): boolean {
  return window.since.getTime() < clock.now() - vendor.keptSeconds * 1000;
}

function reportOf(
  settings: RecoverSettings,
  session: VendorSession,
  { counts, uncertain, failed }: { counts: Counts; uncertain: MissedDelivery[]; failed: FailedDelivery[] },
): RecoveryReport {
  const { vendor, window } = settings;
  const { missed, resent, skipped } = counts;
  const open = uncertain.length + failed.length;
  const beyondKept = isBeyondKept(settings);
  const parts = [
    `${vendor.name} ${vendor.endpointId}: ${missed} deliveries were missed, ${resent} sent again.`,
    ...(skipped === 0 ? [] : [`${skipped} needed nothing.`]),
    ...(failed.length === 0 ? [] : [`${failed.length} failed.`]),
    ...(uncertain.length === 0
      ? []
      : [`${uncertain.length} are older than receivers remember and were not sent: set "wasHandled".`]),
    ...(beyondKept
      ? [
          `${vendor.name} keeps deliveries for ${vendor.keptSeconds / 86_400} days only: older ones are not in its list.`,
        ]
      : []),
  ];
  return {
    outcome: missed === 0 ? 'nothing-missed' : open === 0 ? 'recovered' : 'incomplete',
    vendor: vendor.name,
    endpointId: vendor.endpointId,
    ...window,
    missed,
    resent,
    skipped,
    uncertain,
    failed,
    beyondKept,
    calls: session.calls,
    pages: session.pages,
    message: parts.join(' '),
  };
}
