import { CommandError } from '../command-error.ts';
import { sendRequest } from '../signing/send-request.ts';
import { type InstanceReport, readReport } from './instance-report.ts';

/** An instance that did not report, and why. */
export interface SilentInstance {
  readonly url: string;
  readonly reason: string;
}

/** What all instances report, in the order of their URLs. */
export interface Reports {
  readonly instances: readonly InstanceReport[];
  readonly silent: readonly SilentInstance[];
}

const TIMEOUT_SECONDS = 10;
const MAX_BYTES = 4 * 1024 * 1024;

/** Asks every instance for its health. */
export async function fetchReports(urls: readonly string[], token: string | undefined): Promise<Reports> {
  const answers = await Promise.all(urls.map((url) => fetchReport(url, token)));
  return {
    instances: answers.flatMap((answer) => ('reason' in answer ? [] : [answer])),
    silent: answers.flatMap((answer) => ('reason' in answer ? [answer] : [])),
  };
}

async function fetchReport(url: string, token: string | undefined): Promise<InstanceReport | SilentInstance> {
  const headers = {
    accept: 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  try {
    const request = { method: 'GET', url, headers, body: Buffer.of() };
    const { status, body } = await sendRequest(request, TIMEOUT_SECONDS, MAX_BYTES);
    // An instance that is not ready reports with 503.
    return readReport(url, parse(body)) ?? { url, reason: reasonOf(status, token) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { url, reason: error.message };
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function reasonOf(status: number, token: string | undefined): string {
  if (status === 401 || status === 403)
    return token === undefined
      ? `It asks for a token (${status}). Pass --token-env NAME.`
      : `It refuses the token (${status}). Check the variable after --token-env.`;
  if (status === 404)
    return 'There is no health handler at this path, or it responds to its own machine only (404). Correct the URL, or give the handler a token.';
  if (status >= 300 && status < 400) return `It redirects (${status}). Pass the final URL.`;
  return `It does not respond like healthHandler() (${status}). Correct the URL.`;
}

/** The error if instances must report and do not. */
export function silentError(silent: readonly SilentInstance[]): CommandError {
  return new CommandError(
    `Without a report of every instance, nothing is certain. ${silent.map(({ url, reason }) => `${url}: ${reason}`).join(' ')}`,
  );
}
