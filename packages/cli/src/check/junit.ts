import type { CheckReport, JudgedRow } from './check.ts';
import { countVerdicts } from './report.ts';

/** The report as JUnit XML: a test case for each row, a failure for each fault, and what was not judged as skipped. */
export function junitReport(report: CheckReport): string {
  const { fault, notJudged } = countVerdicts(report);
  const attributes = [
    ['name', `countersign check ${report.sender} ${report.to}`],
    ['tests', String(report.rows.length)],
    ['failures', String(fault)],
    ['errors', '0'],
    ['skipped', String(notJudged)],
    ['time', (report.durationMs / 1000).toFixed(3)],
    ['timestamp', report.startedAt.toISOString()],
  ]
    .map(([name = '', value = '']) => `${name}="${escapeXml(value)}"`)
    .join(' ');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite ${attributes}>`,
    ...report.rows.map((judged) => testCase(report, judged)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase({ sender }: CheckReport, { row, finding }: JudgedRow): string {
  const start = `    <testcase classname="${escapeXml(`${sender}.${row.group}`)}" name="${escapeXml(`${row.name}: ${row.title}`)}"`;
  if (finding.verdict === 'ok') return `${start}/>`;
  const seen = escapeXml(finding.seen);
  if (finding.verdict === 'not judged') return `${start}><skipped message="${seen}"/></testcase>`;
  const text = escapeXml(`Seen: ${finding.seen}\nWhy: ${row.why}\nFix: ${row.fix}`);
  return `${start}><failure type="${row.severity}" message="${seen}">${text}</failure></testcase>`;
}

/** Characters that XML 1.0 can't contain become a question mark. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
