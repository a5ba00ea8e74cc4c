import type { Report } from '../report/report.ts';
import { fileChanges } from './file.ts';
import { providerInTrouble } from './provider.ts';

/** What loading secrets costs those who wait for a response, and how soon a new secret counts. */
export async function reload(progress: (line: string) => void): Promise<Report> {
  progress('a provider in trouble');
  const { table, chart } = await providerInTrouble();
  progress('a file that changes');
  return {
    title: 'Reloading secrets',
    head: [
      'Genuine requests of 1 KiB at 200 a second, over HTTP, while the provider is in one of these states: the 99th percentile, from when a request was due to the end of its response, and its multiple in the same round (median over the rounds; quartiles). The flood is of 1000 a second. Secrets are loaded every 0.2 s, far more often than by default, so that each state has several loads.',
      'A file is replaced by rename. Without traffic the change is noticed by watching; a delivery that is signed with the new secret may be the first to load it.',
    ],
    tables: [table, await fileChanges()],
    charts: [chart],
    targets: [],
    omitted: [],
    faults: [],
  };
}
