import { isFromAnotherSite, isOwnHost, isSameToken } from './access.ts';
import type { Delivery } from './delivery.ts';
import { loadPage, PROTECTING_HEADERS } from './page.ts';
import type { Recorder } from './recorder.ts';
import { updateStream } from './update-stream.ts';
import { detailOf, summaryOf } from './views.ts';
import type { DeliveryList } from './wire.ts';

/** What the API shows and does. */
export interface HandlerOptions {
  readonly recorder: Recorder;
  readonly token: string;
  /** Where the page is, with slashes around it: `/countersign/`. */
  readonly mountPath: string;
  readonly hosts: readonly string[];
  readonly title: string;
  readonly origin?: string;
  readonly endpoints: DeliveryList['endpoints'];
  /** Sends a delivery again, and returns the new delivery's id. */
  replay(delivery: Delivery, request: Request): Promise<number>;
}

/** The page and its API as a fetch handler. Every path contains the token, so no other page can call it. */
export function createHandler(options: HandlerOptions): (request: Request) => Promise<Response> {
  const { hosts, mountPath, token } = options;
  return async (request) => {
    const url = new URL(request.url);
    if (!isOwnHost(request.headers.get('host') ?? url.host, hosts) || !isOwnHost(url.host, hosts))
      return text(
        421,
        'The inspector is only shown under a name of this machine, such as localhost. Other names: "hosts".',
      );
    if (isFromAnotherSite(request.headers)) return text(403, 'Another page must not use the inspector.');
    const [given = '', ...rest] = url.pathname.startsWith(mountPath)
      ? url.pathname.slice(mountPath.length).split('/')
      : [];
    if (!isSameToken(given, token))
      return text(404, 'Not found. Open the address that was printed at the start.');
    return route(options, request, rest);
  };
}

async function route(options: HandlerOptions, request: Request, path: readonly string[]): Promise<Response> {
  const [first, second, id = '', what] = path;
  const call = `${request.method} ${[first, second].join('/')}`;
  if (first === undefined || first === '') {
    if (first === undefined) return Response.redirect(`${request.url}/`, 307);
    const page = await loadPage();
    return new Response(page.html, { headers: page.headers });
  }
  if (call === 'GET api/events')
    return new Response(updateStream(options.recorder), {
      headers: { ...PROTECTING_HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
    });
  if (call === 'POST api/clear') {
    options.recorder.clear();
    return json({ oldestId: options.recorder.oldestId });
  }
  if (call === 'GET api/deliveries' && id === '') return json(listOf(options));
  const delivery = second === 'deliveries' ? options.recorder.get(Number(id)) : undefined;
  if (delivery === undefined) return json({ error: 'This delivery is no longer in memory.' }, 404);
  if (call === 'GET api/deliveries' && what === undefined) return json(detailOf(delivery));
  if (call === 'GET api/deliveries' && what === 'body') return bodyOf(delivery);
  if (call === 'POST api/deliveries' && what === 'replay') return replayOf(options, delivery, request);
  return json({ error: 'Not found.' }, 404);
}

function listOf({ recorder, endpoints, title, origin }: HandlerOptions): DeliveryList {
  const { oldestId } = recorder;
  return {
    ...{ deliveries: recorder.all().map(summaryOf), oldestId, endpoints, title },
    ...(origin === undefined ? {} : { origin }),
  };
}

/** The bytes, never as a document of this origin. */
function bodyOf({ body, endpoint }: Delivery): Response {
  if (body === undefined) return json({ error: 'The body was not read.' }, 404);
  return new Response(new Uint8Array(endpoint.redactor.bytes(body)), {
    headers: {
      ...PROTECTING_HEADERS,
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="body"',
    },
  });
}

async function replayOf({ replay }: HandlerOptions, delivery: Delivery, request: Request): Promise<Response> {
  try {
    return json({ id: await replay(delivery, request) });
  } catch (error) {
    return json({ error: error instanceof Error ? error.message : 'The replay failed.' }, 409);
  }
}

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...PROTECTING_HEADERS, 'content-type': 'application/json; charset=utf-8' },
  });
}

function text(status: number, sentence: string): Response {
  return new Response(`${sentence}\n`, {
    status,
    headers: { ...PROTECTING_HEADERS, 'content-type': 'text/plain; charset=utf-8' },
  });
}
