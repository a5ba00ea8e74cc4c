import { type HeadersInput, WebhookError } from '@countersign/core';
import {
  type BodyLimits,
  type BodySource,
  bodyTooLarge,
  configError,
  decoderFor,
} from '@countersign/core/extend';

/**
 * An HTTP request as API Gateway, a function URL or an Application Load Balancer passes it to a function. It has only the fields that
 * this package reads. The types of `@types/aws-lambda` fit.
 */
export interface LambdaEvent {
  readonly httpMethod?: string | undefined;
  readonly path?: string | undefined;
  readonly rawPath?: string | undefined;
  readonly rawQueryString?: string | undefined;
  readonly headers?: Readonly<Record<string, string | undefined>> | null | undefined;
  readonly multiValueHeaders?: Readonly<Record<string, string[] | undefined>> | null | undefined;
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>> | null | undefined;
  readonly multiValueQueryStringParameters?:
    | Readonly<Record<string, readonly string[] | undefined>>
    | null
    | undefined;
  readonly body?: string | null | undefined;
  readonly isBase64Encoded?: boolean | undefined;
  readonly requestContext?:
    | {
        readonly path?: string | undefined;
        /** Format 2.0 of API Gateway, and function URLs. */
        readonly http?: { readonly method: string; readonly path?: string | undefined } | undefined;
        /** Load balancers. */
        readonly elb?: object | undefined;
      }
    | undefined;
}

/** What Lambda passes to a function after the event. It has more: pass the type of `@types/aws-lambda` if you need it. */
export interface LambdaContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  getRemainingTimeInMillis(): number;
}

/** Who made an event, as far as requests and responses differ. */
export type EventSource = 'rest' | 'http' | 'load-balancer';

/** An event, read as an HTTP request. Its body is decoded when it is asked for. */
export class EventRequest implements BodySource {
  readonly source: EventSource;
  readonly #event: LambdaEvent;

  /** @throws `ERR_WEBHOOK_CONFIG_INVALID` for an event that is not an HTTP request in a known format. */
  constructor(event: LambdaEvent) {
    this.source = sourceOf(event);
    this.#event = event;
  }

  get method(): string | undefined {
    return this.#event.requestContext?.http?.method ?? this.#event.httpMethod;
  }

  /** The path and query, as the sender sent them as far as the event shows that. */
  get url(): string {
    const { requestContext, path, rawPath, rawQueryString } = this.#event;
    const [target, query] =
      this.source === 'http'
        ? [rawPath ?? requestContext?.http?.path, rawQueryString]
        : // API Gateway leaves the name of the stage out of `path`.
          [requestContext?.path ?? path, this.#rebuiltQuery()];
    return query === undefined || query === '' ? `${target}` : `${target}?${query}`;
  }

  get headers(): HeadersInput {
    const { multiValueHeaders, headers } = this.#event;
    // Only these show every repeat.
    const all = multiValueHeaders ?? {};
    return Object.keys(all).length > 0 ? all : (headers ?? {});
  }

  /** A load balancer sends each field of headers as a list if its target group is set up so, and then expects lists. */
  get wantsHeaderLists(): boolean {
    const { multiValueHeaders } = this.#event;
    return multiValueHeaders !== undefined && multiValueHeaders !== null;
  }

  async read({ maxBodyBytes, contentEncoding }: BodyLimits): Promise<Uint8Array> {
    const decode = decoderFor(this.#header('content-encoding'), contentEncoding);
    const { body, isBase64Encoded } = this.#event;
    if (body === undefined || body === null) return Buffer.alloc(0);
    if (typeof body !== 'string') {
      throw new WebhookError(
        'ERR_WEBHOOK_BODY_CONSUMED',
        'The "body" of the event is not text: something, for example http-json-body-parser of Middy, has parsed it. Remove it from this ' +
          'function, or pass the bytes as received with the "rawBody" option.',
      );
    }
    const encoding = isBase64Encoded === true ? 'base64' : 'utf8';
    if (Buffer.byteLength(body, encoding) > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
    const bytes = Buffer.from(body, encoding);
    return decode === undefined ? bytes : decode(bytes, maxBodyBytes);
  }

  #header(name: string): string {
    const values = Object.entries(this.headers).flatMap(([key, value]) =>
      key.toLowerCase() === name ? (value as string | string[]) : [],
    );
    return values.join(', ');
  }

  /** API Gateway passes parameters decoded, a load balancer as received. */
  #rebuiltQuery(): string {
    const { multiValueQueryStringParameters, queryStringParameters } = this.#event;
    const written = this.source === 'rest' ? encodeURIComponent : (text: string) => text;
    const pairs = Object.entries(multiValueQueryStringParameters ?? queryStringParameters ?? {}).flatMap(
      ([name, values = []]) => [values].flat().map((value) => `${written(name)}=${written(value)}`),
    );
    return pairs.join('&');
  }
}

function sourceOf(event: LambdaEvent): EventSource {
  const { requestContext, httpMethod, path } = Object(event) as LambdaEvent;
  if (typeof requestContext?.http?.method === 'string') return 'http';
  if (typeof httpMethod === 'string' && typeof path === 'string') {
    return requestContext?.elb === undefined ? 'rest' : 'load-balancer';
  }
  const seen =
    event !== null && typeof event === 'object'
      ? `has the fields: ${Object.keys(event).slice(0, 10).join(', ') || 'none'}`
      : `is ${event === null ? 'null' : typeof event}`;
  throw configError(
    'The function that webhookHandler() returned was called with an event that is not an HTTP request in a format that it knows: API ' +
      'Gateway REST API or HTTP API with payload format 1.0 ("httpMethod" and "path"), HTTP API with payload format 2.0 or Lambda ' +
      'function URL ("requestContext.http"), Application Load Balancer ("requestContext.elb", "httpMethod" and "path"). ' +
      `This event ${seen}. Connect the function to one of these.`,
  );
}
