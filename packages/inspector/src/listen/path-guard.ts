import type { MessageHead } from './message-reader.ts';

const MAX_ENCODINGS = 4;

/**
 * Says in a sentence why a request must not be passed on to a target with a path: it could reach another path of the target's server.
 * `undefined` if it stays below the path.
 */
export function whyOutside({ startLine, rawHeaders }: MessageHead): string | undefined {
  const [method = '', target = ''] = startLine.split(' ');
  if (method === 'CONNECT' || !target.startsWith('/'))
    return 'The target of a request must begin with "/", because --to has a path. Send the path only, or remove the path from --to.';
  if (hasDotSegment(target))
    return 'The path of a request must not contain "." or ".." as a segment, because --to has a path. Send the path without them.';
  if (isAmbiguous(rawHeaders))
    return 'The end of a request must be clear, because --to has a path. Send one Content-Length or "Transfer-Encoding: chunked", and no upgrade to HTTP/2.';
  return undefined;
}

/** What is no HTTP could be read as a request by the target. */
export const NO_HTTP =
  'The bytes are no HTTP request that can be read, so it is unknown which path they ask for. Send HTTP/1.1, or remove the path from --to.';

/** Servers decode paths before they resolve them, some of them twice. What is encoded more often is refused too. */
function hasDotSegment(target: string): boolean {
  // A query belongs to no path.
  let path = target.split('?', 1)[0] ?? '';
  for (let round = 0; /%[0-9a-f]{2}/i.test(path); round += 1) {
    if (round === MAX_ENCODINGS) return true;
    path = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
  // Some servers take "\" for "/", and leave out what follows ";".
  return path.split(/[/\\?#]/).some((segment) => /^\.\.?(?:;|$)/.test(segment));
}

/** Whether two readers could disagree about where the request ends, or if HTTP/2 follows. */
function isAmbiguous(rawHeaders: readonly string[]): boolean {
  const lengths: string[] = [];
  const codings: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = [rawHeaders[at], rawHeaders[at + 1]];
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[\r\n\0]/.test(value)) return true;
    if (/^content-length$/i.test(name)) lengths.push(value);
    if (/^transfer-encoding$/i.test(name)) codings.push(value);
    if (/^upgrade$/i.test(name) && /\bh2c\b/i.test(value)) return true;
  }
  if (lengths.length + codings.length > 1) return true;
  return lengths.some((each) => !/^\d{1,15}$/.test(each)) || codings.some((each) => !/^chunked$/i.test(each));
}
