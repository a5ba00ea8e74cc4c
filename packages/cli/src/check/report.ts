import type { CheckReport, JudgedRow } from './check.ts';
import type { Verdict } from './finding.ts';

/** How many rows have each verdict. */
export function countVerdicts({ rows }: CheckReport): Record<'ok' | 'fault' | 'notJudged', number> {
  const count = (wanted: Verdict) => rows.filter(({ finding }) => finding.verdict === wanted).length;
  return { ok: count('ok'), fault: count('fault'), notJudged: count('not judged') };
}

/** Whether the number of runs was part of a row's judgement. `undefined`: runs say nothing about this row. */
function runsJudged(report: CheckReport, { row, finding }: JudgedRow): boolean | undefined {
  if (!row.countsRuns) return undefined;
  return report.countsRuns && finding.verdict !== 'not judged';
}

/** The report as JSON. Its shape only grows while `version` is 1. */
export function jsonReport(report: CheckReport) {
  return {
    version: 1,
    sender: report.sender,
    to: report.to,
    startedAt: report.startedAt.toISOString(),
    durationMs: Math.round(report.durationMs),
    requests: report.requests,
    runsCounted: report.countsRuns,
    settleMs: report.settleMs === undefined ? undefined : Math.round(report.settleMs),
    summary: countVerdicts(report),
    rows: report.rows.map((judged) => ({
      name: judged.row.name,
      group: judged.row.group,
      severity: judged.row.severity,
      title: judged.row.title,
      verdict: judged.finding.verdict,
      seen: judged.finding.seen,
      runsJudged: runsJudged(report, judged),
      why: judged.row.why,
      fix: judged.row.fix,
    })),
    notApplicable: report.left.map(({ name }) => name),
  };
}
