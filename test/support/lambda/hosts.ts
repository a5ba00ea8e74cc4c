// What AWS puts in front of a function, as its documentation describes the events and results.
// REST API: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
// HTTP API: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// Function URL: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
// Load balancer: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html

/** A request as the host received it. */
export interface HostRequest {
  readonly method: string;
  readonly path: string;
  /** The text behind the question mark. */
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** What a function returned, before anything is known about it. */
export interface HostResult {
  readonly statusCode: number;
  readonly headers?: Record<string, unknown>;
  readonly multiValueHeaders?: Record<string, unknown[]>;
  readonly cookies?: string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

export interface LambdaHost {
  /** The largest body that the host takes. */
  readonly maxBodyBytes: number;
  /** What the host responds if the function fails, or returns what the host does not understand. */
  readonly failureStatus: number;
  eventOf(request: HostRequest): Record<string, unknown>;
  /** Which fields of a result the host reads headers from. */
  readonly fields: readonly ('headers' | 'multiValueHeaders' | 'cookies')[];
  /** Whether the host understands the headers of a result. */
  understands?(result: HostResult): boolean;
}

const MIB = 1_048_576;
/** An event may have 6 MB, and a body in base64 takes a third more. */
const EVENT_BYTES = 6 * MIB;

export const LAMBDA_HOSTS = {
  'REST API with binary media types': restApi(() => true),
  'REST API as it is set up by default': restApi(() => false),
  'HTTP API, format 1.0': {
    maxBodyBytes: EVENT_BYTES,
    failureStatus: 500,
    fields: ['headers', 'multiValueHeaders'],
    eventOf: (request) => ({
      version: '1.0',
      ...formatOne(request, lowerCased(request.headers)),
      ...bodyOf(request, isBinary, null),
    }),
  },
  'HTTP API, format 2.0': formatTwo(500),
  'function URL': formatTwo(502),
  'load balancer': {
    maxBodyBytes: MIB,
    failureStatus: 502,
    fields: ['headers'],
    understands: ({ multiValueHeaders }) => multiValueHeaders === undefined,
    eventOf: (request) => ({
      ...loadBalanced(request),
      queryStringParameters: last(grouped(pairsOf(request.query))),
      headers: last(grouped(lowerCased(request.headers))),
    }),
  },
  'load balancer with multi-value headers': {
    maxBodyBytes: MIB,
    failureStatus: 502,
    fields: ['multiValueHeaders'],
    understands: ({ headers }) => headers === undefined,
    eventOf: (request) => ({
      ...loadBalanced(request),
      multiValueQueryStringParameters: grouped(pairsOf(request.query)),
      multiValueHeaders: grouped(lowerCased(request.headers)),
    }),
  },
} as const satisfies Record<string, LambdaHost>;

export type LambdaHostName = keyof typeof LAMBDA_HOSTS;

function restApi(isBinaryType: (headers: HostRequest['headers']) => boolean): LambdaHost {
  return {
    maxBodyBytes: EVENT_BYTES,
    failureStatus: 502,
    fields: ['headers', 'multiValueHeaders'],
    // Names of headers are passed as they were written.
    eventOf: (request) => ({
      resource: '/{proxy+}',
      ...formatOne(request, request.headers),
      ...bodyOf(request, () => isBinaryType(request.headers), null),
    }),
  };
}

function formatOne({ method, path, query }: HostRequest, headers: HostRequest['headers']) {
  const parameters = grouped(new URLSearchParams(query));
  return {
    path,
    httpMethod: method,
    headers: last(grouped(headers)),
    multiValueHeaders: grouped(headers),
    queryStringParameters: query === '' ? null : last(parameters),
    multiValueQueryStringParameters: query === '' ? null : parameters,
    pathParameters: { proxy: path.slice(1) },
    stageVariables: null,
    requestContext: { path, httpMethod: method, stage: 'prod', identity: { sourceIp: '192.0.2.1' } },
  };
}

function formatTwo(failureStatus: number): LambdaHost {
  return {
    maxBodyBytes: EVENT_BYTES,
    failureStatus,
    fields: ['headers', 'cookies'],
    eventOf(request) {
      const { method, path, query } = request;
      const { cookie, ...headers } = grouped(lowerCased(request.headers));
      return {
        version: '2.0',
        routeKey: '$default',
        rawPath: path,
        rawQueryString: query,
        ...(cookie && { cookies: cookie.flatMap((each) => each.split('; ')) }),
        headers: joined(headers),
        ...(query !== '' && { queryStringParameters: joined(grouped(new URLSearchParams(query))) }),
        requestContext: {
          http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'sender' },
          stage: '$default',
        },
        ...bodyOf(request, isBinary, undefined),
      };
    },
  };
}

function loadBalanced(request: HostRequest) {
  const { method, path } = request;
  const isEncoded = request.headers.some(([name]) => name.toLowerCase() === 'content-encoding');
  return {
    requestContext: {
      elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/b' },
    },
    httpMethod: method,
    path,
    ...bodyOf(request, (type) => isEncoded || isBinary(type), ''),
  };
}

/** A text loses what is not UTF-8. */
function bodyOf(
  { body, headers }: HostRequest,
  isBase64: (type: string) => boolean,
  empty: string | null | undefined,
) {
  if (body.byteLength === 0) return { ...(empty !== undefined && { body: empty }), isBase64Encoded: false };
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  const isBase64Encoded = isBase64(type);
  return { body: body.toString(isBase64Encoded ? 'base64' : 'utf8'), isBase64Encoded };
}

/** Which types AWS passes in base64: all but these, and those without a type, too. */
function isBinary(type: string): boolean {
  return !/^(?:text\/|application\/(?:json|javascript|xml)\b)/i.test(type);
}

type Lists = Record<string, string[]>;

function grouped(pairs: Iterable<readonly [string, string]>): Lists {
  const lists: Lists = Object.create(null);
  for (const [name, value] of pairs) lists[name] = [...(lists[name] ?? []), value];
  return lists;
}

function last(lists: Lists): Record<string, string> {
  return Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, values.at(-1) ?? '']));
}

function joined(lists: Lists): Record<string, string> {
  return Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, values.join(',')]));
}

function lowerCased(headers: HostRequest['headers']): [string, string][] {
  return headers.map(([name, value]) => [name.toLowerCase(), value]);
}

/** Parameters as received: nothing is decoded. */
function pairsOf(query: string): [string, string][] {
  return query.split('&').flatMap((pair) => {
    const [name = '', ...rest] = pair.split('=');
    return pair === '' ? [] : [[name, rest.join('=')] as [string, string]];
  });
}
