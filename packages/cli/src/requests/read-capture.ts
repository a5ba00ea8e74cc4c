import { type CapturedRequest, type CaptureForm, UnreadableCapture } from './captured.ts';
import { readCurl } from './curl.ts';
import { readHar } from './har.ts';
import { readHttpText } from './http-text.ts';
import { asObject, parseJson } from './json.ts';
import { readRecords } from './record.ts';

/**
 * Reads captured requests. Their form is detected by the content.
 *
 * @throws UnreadableCapture that names the line and what is expected there.
 */
export function readCapture(bytes: Buffer): { form: CaptureForm; requests: readonly CapturedRequest[] } {
  // A byte order mark, which some editors add.
  const rest = bytes.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf)) ? bytes.subarray(3) : bytes;
  const beginning = rest.toString('latin1', 0, 4096).trimStart();
  if (beginning === '')
    throw new UnreadableCapture(
      'HTTP text',
      undefined,
      'it is empty. Pass HTTP text, a HAR file, a curl command, or a record of the inspector.',
    );
  if (beginning.startsWith('{')) return readJson(rest.toString('utf8'));
  if (/^(?:[$>#] )?(?:\S*[\\/])?curl(?:\.exe)?\s|^echo [^\n]*\| curl\s/.test(beginning))
    return { form: 'curl command', requests: [readCurl(rest.toString('utf8'))] };
  if (beginning.startsWith('['))
    throw new UnreadableCapture('JSON record', 1, 'one JSON object a line is expected, not a list.');
  return { form: 'HTTP text', requests: [readHttpText(rest)] };
}

function readJson(text: string): { form: CaptureForm; requests: readonly CapturedRequest[] } {
  if (!/^\s*\{\s*"log"\s*:/.test(text)) return { form: 'JSON record', requests: readRecords(text) };
  const value = parseJson(text, 'HAR');
  return asObject(asObject(value)?.log)?.entries === undefined
    ? { form: 'JSON record', requests: readRecords(text) }
    : { form: 'HAR', requests: readHar(value) };
}
