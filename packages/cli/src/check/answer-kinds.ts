import type { Answer } from './exchange.ts';

/** What an answer means to a sender. */
export type AnswerKind = 'accepted' | 'refused' | 'redirected' | 'crashed' | 'silent';

/** 503 with Retry-After is a refusal on purpose: the sender shall come again. 501 says that the method is unknown. */
export function kindOf({ status, headers }: Pick<Answer, 'status' | 'headers'>): AnswerKind {
  if (status === undefined) return 'silent';
  if (status < 300) return 'accepted';
  if (status < 400) return 'redirected';
  if (status < 500 || status === 501) return 'refused';
  return status === 503 && headers['retry-after'] !== undefined ? 'refused' : 'crashed';
}

/** An answer in words. */
export function describe({ status, problem, ms }: Answer): string {
  if (status !== undefined) return `answered ${status}`;
  if (problem === 'timeout') return `no answer within ${(ms / 1000).toFixed(1)} s`;
  return problem === 'broken off'
    ? 'the connection was broken off, as planned'
    : 'the connection was closed without an answer';
}

/** A number of runs in words. */
export function ran(runs: number): string {
  if (runs === 0) return 'the handler did not run';
  return runs === 1 ? 'the handler ran once' : `the handler ran ${runs} times`;
}
