import type { Command } from 'commander';
import { EXIT } from '../command-error.ts';
import type { Console } from '../console.ts';
import { createOutput, type Output, visible } from '../output.ts';
import { type Meaning, meaningOf, type Sent } from '../signing/meaning.ts';
import { type ReceivedResponse, sendRequest } from '../signing/send-request.ts';
import { addSigningOptions, type SigningOptions, signRequest } from '../signing/sign-request.ts';

type SendOptions = SigningOptions & { readonly to: string; readonly twice?: true; readonly json?: true };

/** How long is waited for a response if it is not known how long the sender waits. */
const TIMEOUT_SECONDS = 30;
/** How much of a response is shown. */
const MAX_SHOWN = 1000;

/** `countersign send <sender> --to URL`: sends a signed request, and says what the response means. */
export function addSend(program: Command, console: Console, done: (exitCode: number) => void): void {
  addSigningOptions(
    program
      .command('send')
      .summary('sends a signed request, and says what the response means')
      .description(
        'Sends a request, signed as the sender would sign it, and says what the response means for this sender. Exit code 1 if the receiver responds wrongly: if it refuses a genuine request, or accepts one that was changed or has expired.',
      ),
  )
    .requiredOption('--to <URL>', 'the receiver')
    .option('--twice', 'send the same request again')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  countersign send stripe --secret-env STRIPE_SECRET --to http://localhost:3000/webhook\n  countersign send github --secret-file secret.txt --to http://localhost:3000/hooks --type push --body push.json\n  countersign send slack --secret-env SLACK_SECRET --to http://localhost:3000/slack --tampered',
    )
    .action(async (sender: string, options: SendOptions) => {
      const output = createOutput(console);
      const { scheme, title, request, notes } = await signRequest(sender, options.to, options, console);
      for (const note of notes) console.stderr.write(`${note}\n`);
      const { delivery } = scheme;
      const facts = { title, name: sender, delivery };
      const results: { response: ReceivedResponse; meaning: Meaning }[] = [];
      for (const sent of options.twice === true ? [kindOf(options), again(options)] : [kindOf(options)]) {
        const response = await sendRequest(request, delivery.timeoutSeconds ?? TIMEOUT_SECONDS);
        const meaning = meaningOf(response, sent, facts);
        results.push({ response, meaning });
        if (options.json !== true) show(output, response, meaning);
      }
      if (options.json === true)
        output.json(results.map(({ response, meaning }) => asJson(response, meaning)));
      done(results.every(({ meaning }) => meaning.good) ? EXIT.ok : EXIT.no);
    });
}

function kindOf({ tampered, expired, previous }: SendOptions): Sent {
  if (tampered === true) return 'forged';
  if (expired === true) return 'expired';
  return previous === true ? 'previous' : 'genuine';
}

function again(options: SendOptions): Sent {
  const first = kindOf(options);
  return first === 'genuine' || first === 'previous' ? 'repeated' : first;
}

function show(output: Output, response: ReceivedResponse, { good, message, hints }: Meaning): void {
  const { status, statusText, durationMs, body } = response;
  output.line(
    `${output.style(good ? 'green' : 'red', `${status} ${visible(statusText)}`)} ${output.style('dim', `in ${durationMs} ms`)}`,
  );
  const text = body.toString('utf8').trim();
  if (text !== '') {
    for (const line of visible(text.slice(0, MAX_SHOWN)).split('\n'))
      output.line(output.style('dim', `  ${line}`));
    if (text.length > MAX_SHOWN) output.line(output.style('dim', '  …'));
  }
  output.text(message);
  for (const hint of hints) output.text(hint, 2);
}

function asJson(response: ReceivedResponse, meaning: Meaning): unknown {
  const { status, headers, body, durationMs } = response;
  return { status, headers, body: body.toString('utf8'), durationMs, ...meaning };
}
