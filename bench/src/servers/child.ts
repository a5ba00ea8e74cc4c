import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Question, Usage } from './host.ts';

/** A server in a process of its own: what it uses is not mixed with what sends to it. */
export interface Server {
  readonly port: number;
  usage(): Promise<Usage>;
  /** Sends its module a message, and returns the reply. */
  tell(word: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts a module that calls `host()`. */
export async function startServer(module: URL, args: readonly string[]): Promise<Server> {
  const child = fork(fileURLToPath(module), [...args]);
  const { port } = (await answerOf(child)) as { port: number };
  const ask = (question: Question) => {
    child.send(question);
    return answerOf(child);
  };
  return {
    port,
    usage: () => ask({ usage: true }) as Promise<Usage>,
    async tell(word) {
      return ((await ask({ word })) as { said: string }).said;
    },
    async stop() {
      if (child.exitCode !== null) return;
      child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const end = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: end.signal }).then(([message]) => message),
      once(child, 'exit', { signal: end.signal }).then(([code]) => {
        throw new Error(`A server of the benchmark ended with exit code ${code}.`);
      }),
    ]);
  } finally {
    end.abort();
  }
}
