import { type CaptureForm, UnreadableCapture } from './captured.ts';

/** A value as an object; `undefined` if it is something else. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/**
 * Parses JSON.
 *
 * @param firstLine The number of its first line in the file.
 * @throws UnreadableCapture that names the line, and quotes nothing.
 */
export function parseJson(text: string, form: CaptureForm, firstLine = 1): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const position = positionOf(text, (error as Error).message);
    const before = text.slice(0, position ?? 0);
    const line = firstLine + before.split('\n').length - 1;
    if (position === undefined) throw new UnreadableCapture(form, line, 'valid JSON is expected.');
    throw new UnreadableCapture(
      form,
      line,
      position >= text.trimEnd().length
        ? 'the JSON ends too early. Copy the whole text.'
        : `valid JSON is expected, but column ${position - before.lastIndexOf('\n')} is not.`,
    );
  }
}

const MAX_TRIES = 1000;

/** Where parsing failed. The message quotes the text, so only its numbers and its kind are used. */
function positionOf(text: string, message: string): number | undefined {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return Number(position);
  const [, token] = /^Unexpected token '?(.)'?[, ]/su.exec(message) ?? [];
  if (token === undefined) return /^Unexpected end/.test(message) ? text.length : undefined;
  // It names the character, but not its position: the first one after which parsing fails in the same way.
  let at = text.indexOf(token);
  for (let tries = 0; at !== -1 && tries < MAX_TRIES; tries++) {
    if (isUnexpected(text.slice(0, at + token.length))) return at;
    at = text.indexOf(token, at + 1);
  }
  return undefined;
}

function isUnexpected(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return /^Unexpected token/.test((error as Error).message);
  }
}
