import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toMarkdown } from './markdown.ts';
import { toSvg } from './picture.ts';
import type { Report } from './report.ts';

/**
 * Writes `<name>.md` and, if the report has charts, `<name>.svg`.
 *
 * @param run The head of the report: machine, versions, commit.
 * @returns The content of the Markdown file.
 */
export async function writeReport(
  directory: string,
  name: string,
  report: Report,
  run: readonly string[],
): Promise<string> {
  await mkdir(directory, { recursive: true });
  const picture = toSvg(report.charts);
  const text = toMarkdown(report, run, picture === undefined ? undefined : `${name}.svg`);
  await writeFile(join(directory, `${name}.md`), text);
  const path = join(directory, `${name}.svg`);
  if (picture === undefined) await rm(path, { force: true });
  else await writeFile(path, picture);
  return text;
}
