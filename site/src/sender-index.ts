import { groupBy } from './group-by.ts';
import type { Page } from './pages.ts';

/** The page that lists all senders, by their first letter. The facts come from the pages of the senders. */
export function senderIndex(pages: readonly Page[]): string {
  const senders = pages
    .filter(({ place }) => /^senders\/.+\.md$/.test(place))
    .sort((a, b) => a.title.localeCompare(b.title, 'en', { sensitivity: 'base' }));
  const byLetter = groupBy(senders, ({ title }) => letterOf(title));
  return [
    '# Senders',
    '',
    `Countersign has a scheme for each of these ${senders.length} senders. A page says how the sender signs and retries, where its secret is,`,
    'what happens to deliveries when you rotate it, and what is documented and what is assumed.',
    '',
    'Senders that sign with a JWT or a certificate, for example Plaid, LiveKit and AWS SNS, are in the',
    '[README of the schemes](../../packages/schemes/README.md#jwt-countersignschemesjwt). Your own sender is',
    '[a few lines of data](../writing-a-sender.md).',
    '',
    ...[...byLetter].flatMap(([letter, group]) => [
      `## ${letter}`,
      '',
      '| sender | scheme | algorithm | retries |',
      '| --- | --- | --- | --- |',
      ...group.map(rowOf),
      '',
    ]),
  ].join('\n');
}

function rowOf({ place, title, markdown }: Page): string {
  const factory = /^import \{ (\w+) \} from '@countersign\/schemes';$/m.exec(markdown)?.[1];
  const cells = [
    `[${title}](${place.replace('senders/', '')})`,
    factory === undefined ? '' : `\`${factory}()\``,
    factOf(markdown, 'Algorithm'),
    factOf(markdown, 'Retries').replace(' (as the sender documents)', ''),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** A row of the table of facts on a sender's page. */
function factOf(markdown: string, name: string): string {
  return new RegExp(`^\\| ${name} \\| (.*) \\|$`, 'm').exec(markdown)?.[1] ?? '';
}

function letterOf(title: string): string {
  const letter = title.normalize('NFD').charAt(0).toUpperCase();
  return /[A-Z]/.test(letter) ? letter : '0–9';
}
