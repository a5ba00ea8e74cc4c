import { Agent, request } from 'node:http';
import type { SignedRequest } from '@countersign/testing';

const CONNECTIONS = 16;

/**
 * Sends each request once, over a few connections that are kept open.
 * @throws Error where one is answered with anything but 200.
 */
export async function sendAll(port: number, requests: readonly SignedRequest[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const left = requests.values();
  const worker = async () => {
    for (const each of left) await send(agent, port, each);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  agent.destroy();
}

function send(agent: Agent, port: number, { headers, body }: SignedRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        port,
        host: '127.0.0.1',
        method: 'POST',
        headers: { ...headers, 'content-length': body.byteLength },
      },
      (response) => {
        response.resume();
        response.once('error', reject);
        response.once('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`A request of the benchmark was answered ${response.statusCode}.`));
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
