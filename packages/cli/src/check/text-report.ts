import type { Output, Style } from '../output.ts';
import type { CheckReport, JudgedRow } from './check.ts';
import type { Severity } from './finding.ts';
import { countVerdicts } from './report.ts';
import { GROUPS } from './row.ts';

const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low'];
const MARKS = {
  ok: ['green', 'ok'],
  fault: ['red', 'FAULT'],
  'not judged': ['yellow', 'not judged'],
} as const;

/** Prints the rows by groups, then each fault with its reason and its fix, the worst first. */
export function printReport(report: CheckReport, output: Output): void {
  for (const [group, title] of Object.entries(GROUPS)) {
    const rows = report.rows.filter(({ row }) => row.group === group);
    if (rows.length === 0) continue;
    output.line();
    output.line(output.style('bold', title));
    output.table(
      rows.map(({ row, finding }) => {
        const [style, mark] = MARKS[finding.verdict];
        return [output.style(style as Style, mark.padEnd(10)), row.name, finding.seen];
      }),
      2,
    );
  }
  const faults = report.rows
    .filter(({ finding }) => finding.verdict === 'fault')
    .sort((a, b) => SEVERITIES.indexOf(a.row.severity) - SEVERITIES.indexOf(b.row.severity));
  for (const judged of faults) printFault(judged, output);
  printSummary(report, output);
}

function printFault({ row, finding }: JudgedRow, output: Output): void {
  output.line();
  output.line(`${output.style('red', row.severity)}  ${output.style('bold', row.name)}`);
  output.text(`Expected: ${row.title}.`, 2, 2);
  output.text(`Seen: ${finding.seen}.`, 2, 2);
  output.text(`Why it matters: ${row.why}`, 2, 2);
  output.text(`Fix: ${row.fix}`, 2, 2);
}

function printSummary(report: CheckReport, output: Output): void {
  const { ok, fault, notJudged } = countVerdicts(report);
  output.line();
  output.text(
    `${report.rows.length} rows: ${ok} ok, ${fault} ${fault === 1 ? 'fault' : 'faults'}, ${notJudged} not judged. ${report.requests} requests in ${(report.durationMs / 1000).toFixed(1)} s. ${report.left.length} rows do not concern this sender.`,
  );
  output.text(
    report.settleMs === undefined
      ? 'The runs of the handler were not counted, so only answers were judged. Pass --ran FILE or --ran URL.'
      : `That a handler does not run can only be seen by waiting: ${Math.round(report.settleMs)} ms for each row, and longer once at the end.`,
  );
}
