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
    // The message quotes the text, but names the position.
    const position = /position (\d+)/.exec((error as Error).message)?.[1];
    const before = text.slice(0, position === undefined ? text.length : Number(position));
    throw new UnreadableCapture(
      form,
      firstLine + before.split('\n').length - 1,
      position === undefined
        ? 'the JSON ends too early. Copy the whole text.'
        : `valid JSON is expected, but column ${before.length - before.lastIndexOf('\n')} is not.`,
    );
  }
}
