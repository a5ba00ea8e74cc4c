const BOUNDARY =
  /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s";,]{1,70}))\s*(?:;|$)/i;
const DISPOSITION = /^content-disposition:\s*form-data\s*;(?:.*;)?\s*name="([^"\r\n]*)"/im;
const MAX_FIELDS = 64;
/** The headers of a field are a few lines. */
const MAX_HEADER_BYTES = 4096;

/**
 * The bytes of one field of a multipart form, or `undefined` if the field is absent or repeated, or the form is malformed.
 *
 * @returns The body itself if the content type is not that of a multipart form.
 */
export function multipartField(
  body: Uint8Array,
  contentType: string | undefined,
  field: string,
): Uint8Array | undefined {
  if (contentType === undefined || !/^multipart\/form-data\b/i.test(contentType)) return body;
  const match = BOUNDARY.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) return undefined;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  let at = bytes.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2)) ? 0 : -1;
  if (at === -1) at = bytes.indexOf(delimiter) + 2;
  if (at < 0 || (at === 1 && !bytes.subarray(0, 2).equals(delimiter.subarray(0, 2)))) return undefined;
  let found: Buffer | undefined;
  for (let count = 0; count < MAX_FIELDS; count += 1) {
    const start = at + delimiter.length - 2;
    if (bytes.subarray(start, start + 2).toString('latin1') === '--') return found;
    if (bytes.subarray(start, start + 2).toString('latin1') !== '\r\n') return undefined;
    const end = bytes.indexOf(delimiter, start);
    const blank = bytes.indexOf('\r\n\r\n', start, 'latin1');
    if (end === -1 || blank === -1 || blank > end || blank - start > MAX_HEADER_BYTES) return undefined;
    const headers = bytes.subarray(start + 2, blank).toString('latin1');
    if (DISPOSITION.exec(headers)?.[1] === field) {
      if (found !== undefined) return undefined;
      found = bytes.subarray(blank + 4, end);
    }
    at = end + 2;
  }
  return undefined;
}
