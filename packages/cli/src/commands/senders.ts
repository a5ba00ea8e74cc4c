import type { Command } from 'commander';
import { type SenderFacts, senderFacts } from '../catalogue/sender-facts.ts';
import { EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { createOutput, type Output } from '../output.ts';
import { findFactory, plain, SENDERS } from '../sender.ts';

/** `countersign senders [words…]`: the catalogue. */
export function addSenders(program: Command, console: Console, done: (exitCode: number) => void): void {
  program
    .command('senders')
    .summary('the catalogue: what is signed, where the secret is, how to rotate it')
    .description(
      'Lists the senders of the catalogue. If the words name one sender, shows what it signs, where its secret is, how to rotate it, what it retries, and its traps.',
    )
    .argument('[words...]', 'words that the name of the sender, a header or an algorithm must contain')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  countersign senders\n  countersign senders stripe\n  countersign senders x-hub-signature-256\n  countersign senders --json svix',
    )
    .action((words: string[], { json = false }: { json?: boolean }) => {
      const found = find(words);
      const output = createOutput(console);
      if (json) output.json(found);
      else if (found.length === 1 && words.length > 0) showSender(output, found[0] as SenderFacts);
      else listSenders(output, found);
      if (found.length === 0) console.stderr.write(`countersign: ${noSender(words)}\n`);
      done(found.length > 0 ? EXIT.ok : EXIT.no);
    });
}

/** The sender of that name, or those in whose facts all words are. */
function find(words: readonly string[]): SenderFacts[] {
  const all = Object.keys(SENDERS)
    .map(senderFacts)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const named = all.filter(({ factory }) => plain(factory) === plain(words.join('')));
  if (named.length > 0) return named;
  return all.filter(({ name, sender, factory, algorithms, headers }) => {
    const text = [name, sender, factory, ...algorithms, ...headers].join(' ').toLowerCase();
    return words.every((word) => text.includes(word.toLowerCase()));
  });
}

function noSender(words: readonly string[]): string {
  try {
    findFactory(words.join(' '));
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

function listSenders(output: Output, found: readonly SenderFacts[]): void {
  output.table(
    found.map(({ name, sender, algorithms }) => [
      name,
      `${sender}: ${algorithms.join(' or ') || 'certificate'}`,
    ]),
  );
}

function showSender(output: Output, facts: SenderFacts): void {
  const { sender, factory, module, options } = facts;
  const section = (title: string, lines: readonly string[]) => {
    if (lines.length === 0) return;
    output.line();
    output.line(output.style('bold', title));
    for (const line of lines) output.text(line, 2, 2);
  };
  output.line(output.style('bold', sender));
  output.text(`import { ${factory} } from '${module}'`, 2);
  section('What is signed', [
    ...facts.algorithms,
    ...facts.signature,
    ...facts.signed.map((text) => `over ${text}`),
  ]);
  section('Headers', facts.headers);
  section('Time', [facts.window]);
  section('The secret', [facts.secretFrom ?? "The sender's pages say where it is: see the sources."]);
  section('Rotating it', [facts.rotation ?? 'Not documented.']);
  section('Retries', [
    `Retries: ${facts.retries}.`,
    `A signature that matches no key gets ${facts.refusalStatus}.`,
  ]);
  section('Traps', [
    ...(facts.needsPublicUrl ? ['The URL is signed: pass --public-url, and set publicUrl in code.'] : []),
    ...facts.notes,
  ]);
  section('Assumed, not documented', facts.assumptions);
  section(
    'Options',
    options.map(
      ({ name, required, example }) => `--option ${name}=${example}${required ? ' (required)' : ''}`,
    ),
  );
  section('Sources', facts.sources);
  section(
    'Try it',
    facts.canSign ? [`countersign send ${facts.name} --to http://localhost:3000/webhook`] : [],
  );
}
