import { createServer, request, Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createVerifier } from '@countersign/core';
import { stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { mount } from '/tmp/w/recover/examples/rotation/src/frameworks.ts';
const secret = 'whsec_0123456789abcdef0123456789abcdef';
for (const fw of ['Express', 'Fastify', 'Koa', 'Nest', 'fetch in Hono'] as const) {
  const seen: Record<string, number> = {};
  const verifier = createVerifier({ scheme: stripe(), secrets: secret, endpoint: fw, observe: (e) => { seen[e.type] = (seen[e.type] ?? 0) + 1; } });
  await verifier.ready();
  const listener = await mount(fw, '/h', verifier, async () => { await delay(2 + Math.random() * 20); });
  const server = createServer(listener); await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
  const port = (server.address() as { port: number }).port;
  const agent = new Agent({ keepAlive: true });
  await Promise.all(Array.from({ length: 300 }, async (_, i) => {
    const { headers, body } = sign(stripe(), { secret, body: JSON.stringify({ id: `evt_${fw}_${i}`, type: 'x' }) });
    const call = request({ port, host: '127.0.0.1', path: '/h', method: 'POST', agent, headers: { ...headers, 'content-length': String(body.length) } });
    call.on('error', () => undefined); call.on('response', (r) => r.resume()); call.end(body);
    await delay(Math.random() * 60); call.destroy(); await delay(500);
  }));
  await delay(1500);
  console.log(fw, JSON.stringify(seen));
  server.closeAllConnections(); server.close(); agent.destroy(); await Promise.race([verifier.close(), delay(500)]);
}
process.exit(0);
