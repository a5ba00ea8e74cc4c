import { type SignInput, sign } from '@countersign/testing';
import type { Delivery } from './delivery.ts';
import type { Answer } from './exchange.ts';
import type { Sender } from './sender.ts';
import { macOf } from './signature-text.ts';

/** What an answer must not contain. */
export type Leak = 'secret' | 'signature' | 'stack';

const STACKS = [
  /^\s*at .+[(/\\].+:\d+:\d+\)?\s*$/m,
  /(?:\n|&nbsp;|<br>)\s*(?:&nbsp;)*\s*at .+:\d+:\d+/,
  /Traceback \(most recent call last\)/,
  /File "[^"]+", line \d+, in /,
  /node_modules[/\\]/,
  /\bat [\w.$]+\([\w$]+\.(?:java|kt|scala):\d+\)/,
  /\.rb:\d+:in [`']/,
  /(?:#\d+ )?[\w/\\.-]+\.php\(\d+\)/,
  /goroutine \d+ \[running\]/,
];

/** Receivers refuse larger bodies before they compute anything. */
const MAX_SIGNED_BYTES = 1024 * 1024;

/** Looks for secrets, expected signatures and stack traces in every answer. What it finds is never kept, only which row saw it. */
export class LeakWatch {
  readonly found: { readonly leak: Leak; readonly row: string }[] = [];
  readonly #sender: Sender;
  readonly #secrets: readonly string[];

  constructor(sender: Sender) {
    this.#sender = sender;
    this.#secrets = sender.secrets.flatMap(spellings).filter((text) => text.length >= 8);
  }

  watch(row: string, delivery: Delivery, answer: Answer): void {
    const text = `${Object.values(answer.headers).join('\n')}\n${answer.body}`;
    if (this.#secrets.some((secret) => text.includes(secret))) this.found.push({ leak: 'secret', row });
    if (STACKS.some((pattern) => pattern.test(answer.body))) this.found.push({ leak: 'stack', row });
    if (text.length > 1 && this.#expected(delivery).some((mac) => text.includes(mac)))
      this.found.push({ leak: 'signature', row });
  }

  /** The right signature of what was sent, unless the request contains it anyway. */
  #expected(delivery: Delivery): string[] {
    const { input } = delivery;
    const [secret] = this.#sender.secrets;
    if (!this.#sender.canSign || input === undefined || secret === undefined) return [];
    if (delivery.body.length > MAX_SIGNED_BYTES) return [];
    const { rule, scheme } = this.#sender;
    if ('token' in rule.algorithm) return [];
    const sent = `${delivery.headers.flat().join('\n')}\n${delivery.body.toString('latin1')}`;
    try {
      const right: SignInput = { ...input, secret, headers: { ...input.headers }, body: delivery.body };
      const signed = sign(scheme, right);
      const query = [...new URL(signed.url ?? 'http://localhost').searchParams];
      const mac = macOf(
        { ...delivery, headers: Object.entries(signed.headers), body: signed.body, query },
        rule,
      );
      if (mac === undefined || mac.length < 16) return [];
      const encoding = rule.signature.encoding.startsWith('hex') ? 'hex' : 'base64';
      const bytes = Buffer.from(mac, encoding);
      return [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')].filter(
        (text) => !sent.includes(text),
      );
    } catch {
      // What was sent can't be signed at all.
      return [];
    }
  }
}

function spellings(secret: string): string[] {
  const bare = secret.replace(/^[a-z0-9]{2,8}_/i, '');
  return [
    secret,
    ...(bare.length >= 16 ? [bare] : []),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('hex'),
    Buffer.from(bare, 'base64').toString('hex'),
  ];
}
