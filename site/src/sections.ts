/**
 * The sections of the navigation, in the order in which people need them. This is the only list: pages are found by themselves.
 *
 * - A name is a page of `docs/`, without its extension. Names may be missing; what is there is shown in this order.
 * - A name with a slash at its end is a folder. Its pages are sorted by `order` in their front matter, then by title.
 * - `rest` takes the pages of `docs/` that no section names, by the same order.
 */
export interface Section {
  readonly title: string;
  readonly pages: readonly string[];
  readonly rest?: true;
  /** Whether it is closed until the reader opens it. */
  readonly closed?: true;
  /** The whole list is shown only inside of this folder. Elsewhere there is a link to its first page. */
  readonly apart?: string;
}

export const SECTIONS: readonly Section[] = [
  { title: 'Start', pages: ['start/', 'why-was-it-refused'] },
  { title: 'Rotate a secret', pages: ['rotating/'] },
  {
    title: 'Run it',
    pages: [
      'several-instances',
      'exactly-once',
      'replay-stores',
      'what-the-sender-gets-back',
      'many-tenants',
      'observing',
      'operating',
      'testing',
      'check',
      'running-again',
      'queue',
    ],
    rest: true,
  },
  { title: 'Migrate', pages: ['migrate/'] },
  { title: 'Senders', pages: ['senders/'], apart: 'senders/' },
  { title: 'Errors', pages: ['errors/'], apart: 'errors/' },
  {
    title: 'Extend it',
    pages: ['writing-a-sender', 'writing-an-adapter', 'writing-a-store', 'writing-a-provider'],
  },
  { title: 'Background', pages: ['design', 'glossary', 'threat-model', 'strictness', 'project/'] },
  { title: 'Packages', pages: ['packages/'], closed: true },
  { title: 'Reference', pages: ['agents', 'api/'], apart: 'api/' },
];
