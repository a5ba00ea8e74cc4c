import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { CommandError } from '../command-error.ts';
import type { RequestToSend } from './sign-request.ts';

/** A receiver's response. */
export interface ReceivedResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Its beginning. */
  readonly body: Buffer;
  readonly durationMs: number;
}

/** As much of a response as is read, unless something else is asked for. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Sends a request byte for byte, and returns the response. Redirects are not followed, because senders do not follow them either.
 *
 * @throws CommandError if there is no response.
 */
export function sendRequest(
  request: RequestToSend,
  timeoutSeconds: number,
  maxBodyBytes = MAX_BODY_BYTES,
): Promise<ReceivedResponse> {
  const { method, url, headers, body } = request;
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    const fail = (error: Error) => reject(explainFailure(error, new URL(url), timeoutSeconds, signal));
    const outgoing = send(
      url,
      {
        ...{ method, signal, agent: false },
        headers: {
          'user-agent': 'countersign',
          ...headers,
          'content-length': body.length,
          connection: 'close',
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        let size = 0;
        const finish = () =>
          resolve({
            status: incoming.statusCode ?? 0,
            statusText: incoming.statusMessage ?? '',
            headers: incoming.headers,
            body: Buffer.concat(chunks).subarray(0, maxBodyBytes),
            durationMs: Math.round(performance.now() - startedAt),
          });
        incoming.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size < maxBodyBytes) return;
          finish();
          outgoing.destroy();
        });
        incoming.on('end', finish);
        incoming.on('error', fail);
      },
    );
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

/** What a failed connection means, by the code of the error. */
function explainFailure(
  error: Error,
  { host, hostname, protocol }: URL,
  timeoutSeconds: number,
  signal: AbortSignal,
): CommandError {
  const code = String(
    (error as NodeJS.ErrnoException).code ?? (error.cause as NodeJS.ErrnoException)?.code ?? error.name,
  );
  if (signal.aborted)
    return new CommandError(
      `${host} did not respond within ${timeoutSeconds} s. Look at the receiver's log: its handler may hang.`,
    );
  if (code === 'ECONNREFUSED')
    return new CommandError(`Nothing listens at ${host}. Start the receiver, or correct the port.`);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new CommandError(`The host ${hostname} is not known. Correct it, or check the network.`);
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return new CommandError(
      `${host} closed the connection without a response. Look at the receiver's log${protocol === 'http:' ? ', and whether the port speaks https' : ''}.`,
    );
  if (code.startsWith('HPE_'))
    return new CommandError(`What listens at ${host} does not speak HTTP. Correct the port.`);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return new CommandError(`What listens at ${host} does not speak TLS. Write http:// instead of https://.`);
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code))
    return new CommandError(
      `The certificate of ${host} is not trusted (${code}). Set NODE_EXTRA_CA_CERTS to the certificate of its authority.`,
    );
  return new CommandError(
    `The request to ${host} failed (${code}). Check the URL and the log of the receiver.`,
  );
}
