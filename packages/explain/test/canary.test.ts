import { explain } from '@countersign/explain';
import { expect, test } from 'vitest';
import { MISTAKES, setup, UNTELLABLE } from './support/mistakes.ts';
import { countOwnTimeOnly } from './support/own-time.ts';
import { BODY_SENDERS, captured, URL_SENDERS } from './support/senders.ts';

countOwnTimeOnly();

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

/** What may be shown although it is long: names of headers, of senders and of fields, and what the reader must compare. */
const PLAIN = /^(?:x-|webhook|svix|your-webhook|hooks|message|content|signature|MessageSid)/i;

test('no explanation contains a secret, a computed signature, or more than 8 characters of a given one', async () => {
  let checked = 0;
  for (const { make, senders } of [...MISTAKES, ...UNTELLABLE])
    for (const [index, sender] of senders.entries()) {
      const options = await make(sender, index);
      const explanation = await explain(options);
      const shown = `${JSON.stringify(explanation)}\n${explanation.text()}`;
      const genuine = await captured(sender);
      const signatures = sender.needs.slice(0, 1).flatMap((name) => {
        const given = options.request.headers as Record<string, string>;
        return [genuine.headers[name] ?? '', given[name] ?? ''];
      });
      const hidden = [sender.secret, sender.otherSecret, ...textsOf(options.secrets), ...signatures];
      for (const secret of hidden)
        for (const part of runs(secret)) {
          if (PLAIN.test(part)) continue;
          checked += 1;
          if (shown.includes(part))
            expect.fail(`${sender.name}: a part of ${secret.length} characters is in: ${shown}`);
        }
    }
  expect(checked).toBeGreaterThan(10_000);
});

test('the headers of a request are never quoted as they are', async () => {
  const [sender] = BODY_SENDERS;
  const [urlSender] = URL_SENDERS;
  if (sender === undefined || urlSender === undefined) throw new Error('no senders');
  const token = 'canary-0123456789abcdef';
  for (const each of [sender, urlSender]) {
    const request = await captured(each);
    const headers = {
      ...request.headers,
      authorization: `Bearer ${token}`,
      cookie: token,
      'x-forwarded-host': `${token}\u001b[31m`,
    };
    for (const changes of [{}, { secrets: each.otherSecret }]) {
      const explanation = await explain(
        setup(each, { ...request, url: `${request.url}?token=${token}`, headers }, changes),
      );
      const shown = `${JSON.stringify(explanation)}\n${explanation.text()}`;
      expect(shown).not.toContain(token);
      expect(shown).not.toContain('\u001b');
    }
  }
});
