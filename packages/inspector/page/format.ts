import type { DeliverySummary, Outcome } from '../src/wire.ts';

/** How an outcome is named and marked. The mark tells outcomes apart without color. */
export const OUTCOMES: Readonly<Record<Outcome, { readonly label: string; readonly mark: string }>> = {
  accepted: { label: 'Accepted', mark: '✓' },
  refused: { label: 'Refused', mark: '✕' },
  duplicate: { label: 'Duplicate', mark: '=' },
  handshake: { label: 'Handshake', mark: '⇄' },
  failed: { label: 'Failed', mark: '!' },
  unchecked: { label: 'Unchecked', mark: '?' },
  pending: { label: 'Pending', mark: '…' },
};

export function timeOf(iso: string): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

export function bytesOf(count: number): string {
  if (count < 1024) return count === 1 ? '1 byte' : `${count} bytes`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

export function millisecondsOf(ms: number): string {
  if (ms < 1) return '< 1 ms';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** What the list calls a delivery. */
export function titleOf({ type, method, url }: DeliverySummary): string {
  return type ?? `${method} ${url}`;
}

/** Characters that change the direction of text or are invisible, written out, so that no body can fake what surrounds it. */
export function visible(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text of a body, if it is valid UTF-8. */
export function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
