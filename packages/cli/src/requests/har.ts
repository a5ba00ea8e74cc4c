import { type CapturedRequest, UnreadableCapture } from './captured.ts';
import { asObject } from './json.ts';

/** Reads the requests of an HTTP archive, as browsers and proxies export it. Those without a body are left out if others have one. */
export function readHar(value: unknown): CapturedRequest[] {
  const entries: unknown = asObject(asObject(value)?.log)?.entries;
  if (!Array.isArray(entries)) throw new UnreadableCapture('HAR', undefined, '"log.entries" must be a list.');
  const requests = entries.map((entry, index) => readEntry(entry, `"log.entries[${index}]`));
  const withBody = requests.filter(({ body }) => body.length > 0);
  return withBody.length > 0 ? withBody : requests;
}

function readEntry(entry: unknown, where: string): CapturedRequest {
  const { startedDateTime } = asObject(entry) ?? {};
  const request = asObject(asObject(entry)?.request);
  if (request === undefined)
    throw new UnreadableCapture('HAR', undefined, `${where}.request" must be an object.`);
  if (!Array.isArray(request.headers))
    throw new UnreadableCapture('HAR', undefined, `${where}.request.headers" must be a list.`);
  const headers = request.headers.flatMap((header: unknown) => {
    const { name, value } = asObject(header) ?? {};
    if (typeof name !== 'string' || typeof value !== 'string')
      throw new UnreadableCapture(
        'HAR',
        undefined,
        `${where}.request.headers" must contain objects with "name" and "value".`,
      );
    // HTTP/2 sends method and path as headers.
    return name.startsWith(':') ? [] : [name, value];
  });
  const { text, encoding } = asObject(request.postData) ?? {};
  const receivedAt = typeof startedDateTime === 'string' ? new Date(startedDateTime) : undefined;
  return {
    ...(typeof request.method === 'string' ? { method: request.method } : {}),
    ...(typeof request.url === 'string' ? { url: request.url } : {}),
    headers,
    body: Buffer.from(typeof text === 'string' ? text : '', encoding === 'base64' ? 'base64' : 'utf8'),
    ...(receivedAt === undefined || Number.isNaN(receivedAt.getTime()) ? {} : { receivedAt }),
  };
}
