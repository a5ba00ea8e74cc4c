import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { SourceFault } from '@countersign/testing';
import { portOf } from '../listen.ts';

/** A service that keeps secrets, on the loopback address, and how it fails. */
export interface FaultySource {
  readonly url: string;
  readonly port: number;
  /** The paths that were asked for, with their query. */
  readonly asked: string[];
  fault: SourceFault | undefined;
  close(): Promise<void>;
}

/** A request whose body has come. */
export interface SourceRequest {
  readonly request: IncomingMessage;
  readonly text: string;
  answer(status: number, body: unknown, headers?: Record<string, string>): void;
}

/** Serves what `serve` returns. What hangs is left without a response. */
export async function startSource(
  serve: (call: SourceRequest, fault: Exclude<SourceFault, 'hanging'> | undefined) => void,
): Promise<FaultySource> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { fault } = source;
      source.asked.push(request.url ?? '');
      if (fault === 'hanging') return;
      const answer: SourceRequest['answer'] = (status, body, headers = {}) => {
        response
          .writeHead(status, { 'Content-Type': 'application/json', ...headers })
          .end(typeof body === 'string' ? body : JSON.stringify(body));
      };
      serve({ request, text: Buffer.concat(chunks).toString(), answer }, fault);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  const source: FaultySource = {
    url: `http://127.0.0.1:${port}`,
    port,
    asked: [],
    fault: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return source;
}
