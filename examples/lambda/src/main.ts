// Runs the function on this machine: a server that calls it as a function URL does. Nothing of this is deployed.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { handler } from './function.ts';

const TIMEOUT_MS = 10_000;

const server = createServer(async (request, response) => {
  if (!server.listening) response.setHeader('connection', 'close');
  try {
    const endsAt = performance.now() + TIMEOUT_MS;
    const result = await handler(await eventOf(request), {
      awsRequestId: randomUUID(),
      functionName: 'webhooks',
      getRemainingTimeInMillis: () => endsAt - performance.now(),
    });
    for (const [name, value] of Object.entries(result.headers ?? {})) response.setHeader(name, String(value));
    response.statusCode = result.statusCode;
    response.end(Buffer.from(result.body, result.isBase64Encoded ? 'base64' : 'utf8'));
  } catch (error) {
    console.error(error);
    response.writeHead(502).end('Internal Server Error');
  }
});

/** The request in the format of function URLs: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html */
async function eventOf(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  return {
    version: '2.0',
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: Object.fromEntries(headers) as Record<string, string>,
    requestContext: { http: { method: request.method ?? 'POST', path: pathname } },
    body: Buffer.concat(chunks).toString('base64'),
    isBase64Encoded: true,
  };
}

server.listen(Number(process.env.PORT ?? 3000), () => {
  const address = server.address();
  console.log(`listening on port ${typeof address === 'object' ? address?.port : address}`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close());
