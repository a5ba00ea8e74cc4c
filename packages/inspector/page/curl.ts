import { pathOf } from '../src/request-path.ts';
import type { DeliveryDetail } from '../src/wire.ts';
import { decoded } from './format.ts';

/** curl writes them itself. */
const LEFT_OUT = new Set([
  'content-length',
  'connection',
  'host',
  'transfer-encoding',
  'expect',
  'countersign-replay',
]);

/** The captured request as a command for a shell. What was removed from the delivery is removed here too. */
export function curlOf(detail: DeliveryDetail, body: Uint8Array, origin: string): string {
  const lines = [`curl --request ${quoted(detail.method)} ${quoted(origin + (pathOf(detail.url) ?? '/'))}`];
  let isJsonOrOther = false;
  for (let at = 0; at + 1 < detail.rawHeaders.length; at += 2) {
    const name = detail.rawHeaders[at] ?? '';
    const value = detail.rawHeaders[at + 1] ?? '';
    if (LEFT_OUT.has(name.toLowerCase())) continue;
    if (name.toLowerCase() === 'content-type') isJsonOrOther = true;
    // A header without a value is written with a semicolon.
    lines.push(`--header ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`);
  }
  if (body.length === 0) return lines.join(' \\\n  ');
  // Otherwise curl would send its own type.
  if (!isJsonOrOther) lines.push("--header 'Content-Type:'");
  const text = decoded(body);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: shells and terminals can't carry them
  if (text !== undefined && !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text)) {
    lines.push(`--data-raw ${quoted(text)}`);
    return lines.join(' \\\n  ');
  }
  lines.push('--data-binary @-');
  return `base64 --decode <<'END' | ${lines.join(' \\\n  ')}\n${toBase64(body)}\nEND`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/.{76}/g, '$&\n');
}
