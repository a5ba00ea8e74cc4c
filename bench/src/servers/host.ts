import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a process has used so far. */
export interface Usage {
  readonly cpuMicroseconds: number;
  /** The most that was ever resident. */
  readonly peakBytes: number;
}

/** What the parent asks. */
export type Question = { readonly usage: true } | { readonly word: string };

/** Serves from this process until its parent is gone, and answers what the parent asks. */
export function host(
  listener: RequestListener,
  take: (word: string) => string | Promise<string> = () => '',
): void {
  const tell = (message: object) => process.send?.(message);
  process.on('message', async (question: Question) => {
    if ('usage' in question) tell(usage());
    else tell({ said: await take(question.word) });
  });
  process.on('disconnect', () => process.exit());
  const server = createServer(listener);
  server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }));
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMicroseconds: user + system, peakBytes: process.resourceUsage().maxRSS * 1024 };
}
