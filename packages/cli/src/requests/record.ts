import { readRecord } from '@countersign/inspector';
import { type CapturedRequest, UnreadableCapture } from './captured.ts';
import { asObject, parseJson } from './json.ts';

/** Reads JSON records of requests, one a line, as the inspector writes them, or one JSON object, as `countersign sign --format json`. */
export function readRecords(text: string): CapturedRequest[] {
  const lines = text.split('\n');
  const isOneALine = lines.filter((line) => line.trim() !== '').every((line) => isJson(line));
  if (!isOneALine) return [readOne(text, 1)];
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [readOne(line, index + 1)]));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function readOne(text: string, line: number): CapturedRequest {
  const recorded = readRecord(text);
  return recorded === undefined
    ? readOther(parseJson(text, 'JSON record', line), line)
    : captured(recorded, line);
}

function captured(
  { method, url, rawHeaders, bytes, received, publicUrl }: NonNullable<ReturnType<typeof readRecord>>,
  line: number,
): CapturedRequest {
  if (bytes === undefined)
    throw new UnreadableCapture(
      'JSON record',
      line,
      'the body is not part of the record, because it was too large. Capture the request in another way.',
    );
  return {
    ...{ method, url, headers: rawHeaders, body: bytes, receivedAt: received },
    ...(publicUrl === undefined ? {} : { publicUrl }),
  };
}

/** A record of another tool, or what `countersign sign` prints. */
function readOther(value: unknown, line: number): CapturedRequest {
  const record = asObject(value);
  // The request may be a part of the record.
  const request = asObject(record?.request) ?? record;
  if (record?.countersign === 1)
    throw new UnreadableCapture('JSON record', line, 'this record of the inspector is not whole.');
  if (record === undefined || request === undefined)
    throw new UnreadableCapture('JSON record', line, 'an object with "headers" and "body" is expected.');
  const { method, url, publicUrl } = request;
  const receivedAt = timeOf(request.receivedAt ?? record.receivedAt ?? record.time);
  return {
    ...(typeof method === 'string' ? { method } : {}),
    ...(typeof url === 'string' ? { url } : {}),
    headers: headersOf(request.rawHeaders ?? request.headers, line),
    body: bodyOf(request, line),
    ...(receivedAt === undefined ? {} : { receivedAt }),
    ...(typeof publicUrl === 'string' ? { publicUrl } : {}),
  };
}

/** Raw pairs, pairs in lists, or an object. */
function headersOf(value: unknown, line: number): string[] {
  const flat = Array.isArray(value)
    ? value.flat()
    : Object.entries(asObject(value) ?? {}).flatMap(([name, values]) =>
        [values].flat().flatMap((each) => [name, each]),
      );
  if (asObject(value) === undefined && !Array.isArray(value))
    throw new UnreadableCapture(
      'JSON record',
      line,
      '"headers" must be an object or a list of names and values.',
    );
  if (flat.length % 2 !== 0 || !flat.every((text) => typeof text === 'string'))
    throw new UnreadableCapture('JSON record', line, '"headers" must contain a text for each name.');
  return flat;
}

function bodyOf(request: Readonly<Record<string, unknown>>, line: number): Buffer {
  const { body, bodyBase64 } = request;
  if (typeof bodyBase64 === 'string') return Buffer.from(bodyBase64, 'base64');
  if (typeof body === 'string')
    return Buffer.from(body, request.bodyEncoding === 'base64' ? 'base64' : 'utf8');
  const { base64, text } = asObject(body) ?? {};
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
  if (typeof text === 'string') return Buffer.from(text);
  if (body === undefined || body === null) return Buffer.of();
  throw new UnreadableCapture(
    'JSON record',
    line,
    '"body" must be text, or "bodyBase64" its bytes. A parsed body no longer has the bytes that were signed.',
  );
}

function timeOf(value: unknown): Date | undefined {
  const time = typeof value === 'string' || typeof value === 'number' ? new Date(value) : undefined;
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : time;
}
