import { createVerifier, type Verifier, type VerifierOptions } from '@countersign/core';
import { github } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { onTestFinished } from 'vitest';

const SECRET = 'a-signing-secret-of-32-characters';

/** A verifier of GitHub's deliveries, and what it has reported. */
export function watchedVerifier(options: Partial<VerifierOptions> = {}): {
  verifier: Verifier;
  seen(): string[];
} {
  const seen: string[] = [];
  const verifier = createVerifier({
    scheme: github(),
    secrets: SECRET,
    observe: (event) => seen.push(event.type === 'refused' ? event.code : event.type),
    ...options,
  });
  onTestFinished(() => verifier.close());
  return { verifier, seen: () => seen };
}

/** A genuine delivery. */
export function signed(body = '{"id":1}', type = 'application/json') {
  const { headers } = sign(github(), { secret: SECRET, body });
  return { method: 'POST', headers: { ...headers, 'content-type': type }, body };
}

/** Sends a genuine delivery to a port of this machine. */
export async function deliver(
  port: number,
  body?: string,
  type?: string,
): Promise<{ status: number; text: string; headers: Headers }> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, signed(body, type));
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}
