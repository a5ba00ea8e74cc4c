import { headerText } from '../raw-headers.ts';
import type { Framing, MessageHead } from './message-reader.ts';

/** How a request ends. */
export function requestFraming(head: MessageHead): Framing {
  return bodyFraming(head) ?? 'none';
}

/** How the response to a request with this method ends. */
export function responseFraming(head: MessageHead, method: string | undefined): Framing {
  const status = statusOf(head);
  if (status === 101 || (method === 'CONNECT' && status >= 200 && status < 300)) return 'opaque';
  if (method === 'HEAD' || isInformational(head) || status === 204 || status === 304) return 'none';
  return bodyFraming(head) ?? 'until-close';
}

/** Whether another response to the same request follows. */
export function isInformational(head: MessageHead): boolean {
  const status = statusOf(head);
  return status >= 100 && status < 200 && status !== 101;
}

export function statusOf({ startLine }: MessageHead): number {
  return Number(startLine.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
}

function bodyFraming({ rawHeaders }: MessageHead): Framing | undefined {
  if (/\bchunked[ \t]*$/i.test(headerText(rawHeaders, 'transfer-encoding') ?? '')) return 'chunked';
  const length = headerText(rawHeaders, 'content-length');
  return length !== undefined && /^\d{1,15}$/.test(length) ? { length: Number(length) } : undefined;
}
