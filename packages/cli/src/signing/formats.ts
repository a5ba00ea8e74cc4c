import type { RequestToSend } from './sign-request.ts';

/** How `sign` writes a request. */
export const FORMATS = ['curl', 'http', 'json'] as const;
export type Format = (typeof FORMATS)[number];

/** Writes a request: as a curl command, as the text of HTTP/1.1, or as JSON. */
export function writeRequest(request: RequestToSend, format: Format): Buffer {
  switch (format) {
    case 'curl':
      return Buffer.from(asCurl(request));
    case 'http':
      return asHttp(request);
    case 'json':
      return Buffer.from(`${JSON.stringify(asJson(request), undefined, 2)}\n`);
  }
}

function asCurl({ method, url, headers, body }: RequestToSend): string {
  const text = textOf(body);
  const options = [
    `-X ${method} ${quoted(url)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    text === undefined ? '--data-binary @-' : `--data-raw ${quoted(text)}`,
  ];
  // A command line can't contain every byte.
  const source = text === undefined ? `echo ${body.toString('base64')} | base64 -d | ` : '';
  return `${source}curl ${options.join(' \\\n  ')}\n`;
}

function asHttp({ method, url, headers, body }: RequestToSend): Buffer {
  const { host, pathname, search } = new URL(url);
  const lines = [
    `${method} ${pathname}${search} HTTP/1.1`,
    `host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

function asJson({ method, url, headers, body }: RequestToSend): Record<string, unknown> {
  const text = textOf(body);
  return {
    method,
    url,
    headers,
    ...(text === undefined ? { bodyBase64: body.toString('base64') } : { body: text }),
  };
}

/** The body as text, if no byte is lost by that. */
function textOf(body: Buffer): string | undefined {
  const text = body.toString('utf8');
  return Buffer.from(text).equals(body) && !text.includes('\0') ? text : undefined;
}

/** In quotation marks for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
