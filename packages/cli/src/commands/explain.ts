import { explain } from '@countersign/explain';
import type { Command } from 'commander';
import { CommandError, EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { createOutput, visible } from '../output.ts';
import { readInput } from '../read-input.ts';
import type { CapturedRequest, CaptureForm } from '../requests/captured.ts';
import { UnreadableCapture } from '../requests/captured.ts';
import { readCapture } from '../requests/read-capture.ts';
import { addSecretOptions, readSecrets, type SecretOptions } from '../secrets.ts';
import { addSenderArgument, findScheme, readSenderOptions, type SenderOptions } from '../sender.ts';

type ExplainOptions = SecretOptions &
  SenderOptions & { readonly receivedAt?: string; readonly request?: string; readonly json?: true };

/** `countersign explain <sender> REQUEST`: says why a verifier refuses a captured request. */
export function addExplain(program: Command, console: Console, done: (exitCode: number) => void): void {
  const command = program
    .command('explain')
    .summary('says why a captured request is refused, and what to change')
    .description(
      'Says why a verifier refuses a captured request, and what to change. The request is HTTP text, a HAR file, a curl command, or a record of "countersign listen"; the form is detected. Exit code 1 if the request is refused.',
    );
  addSecretOptions(addSenderArgument(command))
    .argument('<request>', 'a file with the request, or - for the standard input')
    .option(
      '--received-at <TIME>',
      'when it was received, as ISO 8601 (default: what the file says, else now)',
    )
    .option('--request <NUMBER>', 'which request of the file, from 1 (default: the last one)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  countersign explain stripe --secret-env STRIPE_SECRET request.http\n  countersign explain github --secret-file secret.txt webhook.har\n  pbpaste | countersign explain twilio --secret-env TWILIO_TOKEN --public-url https://hooks.example.com/sms -\n\nKeep the bytes of the body as they are: an editor may add a line break at the end.',
    )
    .action(async (sender: string, path: string, options: ExplainOptions) => {
      const scheme = findScheme(sender, readSenderOptions(options, console));
      if (path === '-' && options.secretEnv === undefined && options.secretFile === undefined)
        throw new CommandError(
          'The request comes from the standard input, so the secret can not be asked for. Pass --secret-env NAME or --secret-file PATH.',
        );
      const given = receivedAt(options.receivedAt);
      const { request, note } = choose(
        read(await readInput(path, 'the request', console), path),
        options.request,
      );
      const secrets = await readSecrets(options, console);
      const { publicUrl } = options;
      const at = given ?? request.receivedAt;
      const { method, url, headers, body } = request;
      const explanation = await explain({
        scheme,
        secrets,
        ...(publicUrl === undefined ? {} : { publicUrl }),
        ...(at === undefined ? {} : { receivedAt: at }),
        request: {
          ...(method === undefined ? {} : { method }),
          ...(url === undefined ? {} : { url }),
          headers,
          body,
        },
      });
      const { verdict, code, causes } = explanation;
      const output = createOutput(console);
      if (options.json === true) output.json({ verdict, code, causes });
      else {
        if (note !== undefined) console.stderr.write(`${note}\n`);
        for (const line of visible(explanation.text()).split('\n')) {
          const indent = line.length - line.trimStart().length;
          output.text(line.trimStart(), indent, 3);
        }
      }
      done(verdict === 'accepted' ? EXIT.ok : EXIT.no);
    });
}

interface Capture {
  readonly form: CaptureForm;
  readonly requests: readonly CapturedRequest[];
}

function read(bytes: Buffer, path: string): Capture {
  try {
    return readCapture(bytes);
  } catch (error) {
    if (!(error instanceof UnreadableCapture)) throw error;
    throw new CommandError(`${path === '-' ? 'The standard input' : `The file "${path}"`} ${error.message}`);
  }
}

function choose(
  { form, requests }: Capture,
  number: string | undefined,
): { request: CapturedRequest; note?: string } {
  const position = number === undefined ? requests.length : Number(number);
  const request = requests[position - 1];
  if (request === undefined)
    throw new CommandError(
      requests.length === 0
        ? `The ${form} contains no request.`
        : `--request must be a number from 1 to ${requests.length}: so many requests are in the ${form}.`,
    );
  if (requests.length === 1 || number !== undefined) return { request };
  return {
    request,
    note: `The last of ${requests.length} requests in the ${form} is explained. Choose another with --request NUMBER.`,
  };
}

function receivedAt(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{9,10}$/.test(text) ? Number(text) * 1000 : undefined;
  const time = new Date(seconds ?? text);
  if (Number.isNaN(time.getTime()))
    throw new CommandError('--received-at must be a time such as 2026-12-01T10:00:00Z, or Unix seconds.');
  return time;
}
