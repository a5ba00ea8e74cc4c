import type { IncomingMessage } from 'node:http';
import type { HeadersInput } from '../request.ts';

/** Frameworks that mount handlers below a path remove that path from `url` and keep the whole URL under another name. */
export function urlOf(incoming: IncomingMessage): string | undefined {
  return (incoming as { originalUrl?: string }).originalUrl ?? incoming.url;
}

/** Serverless hosts build the requests themselves, and may leave the raw pairs empty. */
export function headersOf({ rawHeaders, headers }: IncomingMessage): HeadersInput {
  return rawHeaders?.length > 0 ? rawHeaders : headers;
}
