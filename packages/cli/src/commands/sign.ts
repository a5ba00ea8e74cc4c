import { type Command, Option } from 'commander';
import { EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { FORMATS, type Format, writeRequest } from '../signing/formats.ts';
import { addSigningOptions, type SigningOptions, signRequest } from '../signing/sign-request.ts';

/** `countersign sign <sender>`: a signed request as text. */
export function addSign(program: Command, console: Console, done: (exitCode: number) => void): void {
  addSigningOptions(
    program
      .command('sign')
      .summary('prints a signed request as curl, HTTP text or JSON')
      .description(
        "Prints a request, signed as the sender would sign it. The output contains a valid signature: don't publish it.",
      ),
  )
    .option('--to <URL>', 'where the request is sent', 'http://localhost:3000/webhook')
    .addOption(new Option('--format <FORMAT>', 'how the request is written').choices(FORMATS).default('curl'))
    .addHelpText(
      'after',
      '\nExamples:\n  countersign sign stripe --secret-env STRIPE_SECRET\n  countersign sign github --secret-file secret.txt --body push.json --type push --format http\n  countersign sign stripe --secret-env STRIPE_SECRET --tampered | sh',
    )
    .action(async (sender: string, options: SigningOptions & { to: string; format: Format }) => {
      const { request, notes } = await signRequest(sender, options.to, options, console);
      for (const note of notes) console.stderr.write(`${note}\n`);
      console.stdout.write(writeRequest(request, options.format));
      done(EXIT.ok);
    });
}
