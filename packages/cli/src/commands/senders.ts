import * as schemes from '@countersign/schemes';
import type { Command } from 'commander';
import { EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';

/** `countersign senders [words…]`: the catalogue. */
export function addSenders(program: Command, console: Console, done: (exitCode: number) => void): void {
  program
    .command('senders')
    .description('lists the senders of the catalogue')
    .argument('[words...]', 'words that the name must contain')
    .action((words: string[]) => {
      const names = Object.keys(schemes).filter((name) =>
        words.every((word) => name.toLowerCase().includes(word.toLowerCase())),
      );
      console.stdout.write(names.map((name) => `${name}\n`).join(''));
      done(names.length > 0 ? EXIT.ok : EXIT.no);
    });
}
