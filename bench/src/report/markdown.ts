import type { Report, Table, Target } from './report.ts';

/** A report as Markdown. */
export function toMarkdown(report: Report, run: readonly string[], picture: string | undefined): string {
  const { title, head, tables, targets, omitted, faults } = report;
  const blocks = [
    `# ${title}`,
    run.map((line) => `- ${line}`).join('\n'),
    ...head,
    ...(picture === undefined ? [] : [`![${title}](${picture})`]),
    ...tables.map(tableToMarkdown),
    ...(targets.length === 0 ? [] : ['## Targets', tableToMarkdown(targetTable(targets))]),
    ...(omitted.length === 0 ? [] : ['## Left out', omitted.map((line) => `- ${line}`).join('\n')]),
    ...(faults.length === 0 ? [] : ['## Faults', faults.map((line) => `- ${line}`).join('\n')]),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function targetTable(targets: readonly Target[]): Table {
  const rows = targets.map(({ name, limit, measured, met }) => [
    name,
    limit,
    measured,
    met ? 'met' : 'missed',
  ]);
  return { caption: '', columns: ['target', 'limit', 'measured', ''], rows };
}

function tableToMarkdown({ caption, columns, rows }: Table): string {
  const lines = [columns, columns.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.map(cell).join(' | ')} |`,
  );
  return [...(caption === '' ? [] : [`## ${caption}`, '']), ...lines].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
