import { groupBy } from './group-by.ts';
import type { Page } from './pages.ts';

const GROUPS: readonly { readonly prefix: string; readonly title: string; readonly text: string }[] = [
  {
    prefix: 'ERR_WEBHOOK_',
    title: 'Refused deliveries and wrong set-ups',
    text: 'Codes of `WebhookError`, of events and of process warnings.',
  },
  {
    prefix: 'COUNTERSIGN_',
    title: 'Process warnings',
    text: 'Node writes them to stderr as `(node:123) [CODE] Warning: …`. They refuse nothing by themselves.',
  },
  {
    prefix: 'ERR_ROTATION_',
    title: 'Rotations that stop',
    text: 'Codes of `RotationError`. Its `secretState` says what happened to the secret, and its `todo` what to do.',
  },
  {
    prefix: 'ERR_RECOVERY_',
    title: 'Recoveries that stop',
    text: 'Codes of `RecoveryError`, of `recover()`.',
  },
];

/** The page that lists all codes, with what each means. */
export function errorIndex(pages: readonly Page[]): string {
  const codes = pages
    .filter(({ place }) => /^errors\/[A-Z_]+\.md$/.test(place))
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  const groups = groupBy(codes, ({ title }) => GROUPS.find(({ prefix }) => title.startsWith(prefix)));
  return [
    '# Errors',
    '',
    'Each code has a page: what it means, what the sender gets, and what you do. The codes are API, the messages are not. A sender never',
    'learns the code: it gets only the status, and the same text for all refusals. If you have a symptom and no code, start with',
    '[Why was it refused?](../why-was-it-refused.md)',
    '',
    ...GROUPS.filter((group) => groups.has(group)).flatMap((group) => [
      `## ${group.title}`,
      '',
      group.text,
      '',
      '| code | meaning |',
      '| --- | --- |',
      ...(groups.get(group) ?? []).map(
        ({ place, title, summary }) =>
          `| [\`${title}\`](${place.replace('errors/', '')}) | ${summary.replaceAll('|', '\\|')} |`,
      ),
      '',
    ]),
  ].join('\n');
}
