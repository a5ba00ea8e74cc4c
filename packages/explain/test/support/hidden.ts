import type { ExplainOptions, Explanation } from '@countersign/explain';
import { captured, type Sender } from './senders.ts';

/** No more of a given signature may be shown. */
const SHOWN = 8;

/** Every run of characters that is long enough to be a part of a secret or a signature. */
function runs(text: string): string[] {
  const tokens = text.match(/[A-Za-z0-9+/_-]{16,}/g) ?? [];
  return tokens.flatMap((token) =>
    Array.from({ length: token.length - SHOWN }, (_, at) => token.slice(at, at + SHOWN + 1)),
  );
}

function textsOf(secrets: unknown): string[] {
  if (typeof secrets === 'string') return [secrets];
  if (secrets instanceof Uint8Array) {
    const bytes = Buffer.from(secrets);
    return [bytes.toString('latin1'), bytes.toString('hex'), bytes.toString('base64')];
  }
  if (secrets === null || typeof secrets !== 'object' || secrets instanceof Date) return [];
  return Object.values(secrets).flatMap(textsOf);
}

/** A part of the placeholder that is also a part of the names of headers. */
const PLAIN = /^webhook-s/;

/**
 * The parts of secrets and signatures that an explanation shows, and must not: of the given secrets, of the right one, of the given
 * signature and of the right one.
 */
export async function shownSecrets(
  explanation: Explanation,
  options: ExplainOptions,
  sender: Sender,
): Promise<readonly string[]> {
  const shown = `${JSON.stringify(explanation)}\n${explanation.text()}`;
  const genuine = await captured(sender);
  const given = options.request.headers as Record<string, string>;
  const signatures = sender.needs
    .slice(0, 1)
    .flatMap((name) => [genuine.headers[name] ?? '', given[name] ?? '']);
  const hidden = [sender.secret, sender.otherSecret, ...textsOf(options.secrets), ...signatures];
  return hidden.flatMap(runs).filter((part) => !PLAIN.test(part) && shown.includes(part));
}
