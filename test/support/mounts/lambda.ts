import { type LambdaEvent, type LambdaResult, webhookHandler } from '@countersign/lambda';
import type { AdapterMount, RouteAction } from '@countersign/testing';
import { emulator, type LambdaFunction } from '../lambda/emulator.ts';
import { LAMBDA_HOSTS, type LambdaHostName } from '../lambda/hosts.ts';
import { listen } from '../listen.ts';
import { piecesOf } from './pieces.ts';

/** The adapter as a function of AWS Lambda, behind one of the hosts that AWS has. */
export function lambdaMount(host: LambdaHostName): AdapterMount {
  return async (setup) => {
    const { verifier } = setup;
    const guarded = webhookHandler(
      typeof verifier === 'function' ? (event) => verifier({ headers: headersOf(event) }) : verifier,
      async (webhook) => perform(await setup.handler({ webhook, body: webhook.body })),
      setup.options as object,
    );
    const route: LambdaFunction = (event: LambdaEvent, context) => {
      const method = event.requestContext?.http?.method ?? event.httpMethod ?? '';
      const path = event.rawPath ?? event.path;
      if (path === '/sibling' && method === 'POST') return echo(event);
      if (path !== '/hooks/case' || !['GET', 'POST', 'PUT'].includes(method)) return { statusCode: 404 };
      return guarded(setup.parser === 'before' ? parsed(event) : event, context);
    };
    return listen(emulator(LAMBDA_HOSTS[host], route));
  };
}

/** The headers by lower-case names, however the host passes them. */
function headersOf({ headers, multiValueHeaders }: LambdaEvent): Record<string, string[] | undefined> {
  const all = Object.entries(multiValueHeaders ?? headers ?? {});
  return Object.fromEntries(
    all.map(([name, value]) => [name.toLowerCase(), value === undefined ? undefined : [value].flat()]),
  );
}

/** As middleware of Lambda does that parses JSON and forms. */
function parsed(event: LambdaEvent): LambdaEvent {
  const type = headersOf(event)['content-type']?.[0] ?? '';
  const text = textOf(event);
  if (/^application\/json/.test(type)) return { ...event, body: JSON.parse(text) };
  if (/^application\/x-www-form-urlencoded/.test(type)) {
    return { ...event, body: Object.fromEntries(new URLSearchParams(text)) as never };
  }
  return event;
}

function textOf({ body, isBase64Encoded }: LambdaEvent): string {
  return Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8').toString();
}

function echo(event: LambdaEvent) {
  try {
    return { statusCode: 200, body: JSON.stringify(JSON.parse(textOf(event))) };
  } catch {
    return { statusCode: 400 };
  }
}

async function perform(action: RouteAction): Promise<Partial<LambdaResult>> {
  switch (action.action) {
    case 'throw':
    case 'reject':
    case 'answer-then-throw':
      throw action.error;
    case 'answer':
      return { statusCode: action.status, body: action.body };
    case 'stream': {
      const pieces: Buffer[] = [];
      for await (const piece of piecesOf(action)) pieces.push(piece);
      return { statusCode: action.status, body: Buffer.concat(pieces).toString() };
    }
    case 'never-end':
      return new Promise(() => undefined);
  }
}
