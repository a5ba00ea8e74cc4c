import type { Delivery } from './delivery.ts';
import { headerText } from './raw-headers.ts';
import { replayObstacle } from './replay.ts';
import { signedContent } from './signed-content.ts';
import type { DeliveryDetail, DeliverySummary, Outcome } from './wire.ts';

/** Leaves out what is `undefined`: JSON would, too, and the types say so. */
function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function outcomeOf(delivery: Delivery): Outcome {
  const { verdict, steps, response, failure } = delivery;
  if (verdict.state === 'refused' || verdict.state === 'handshake') return verdict.state;
  if (steps.some(({ step }) => step === 'duplicate')) return 'duplicate';
  const hasFailed =
    failure !== undefined ||
    (response !== undefined && response.status >= 300) ||
    steps.some(({ step }) => step === 'handler failed');
  return hasFailed ? 'failed' : verdict.state;
}

export function summaryOf(delivery: Delivery): DeliverySummary {
  const { endpoint, head, verdict, response, failure } = delivery;
  const { redactor } = endpoint;
  const [cause] = verdict.causes ?? [];
  const text = (given: string | undefined) => (given === undefined ? undefined : redactor.text(given));
  return present<DeliverySummary>({
    id: delivery.id,
    receivedAt: delivery.receivedAt.toISOString(),
    method: head.method,
    url: redactor.url(head.url),
    endpoint: endpoint.name,
    scheme: endpoint.scheme.name,
    outcome: outcomeOf(delivery),
    code: verdict.code,
    cause: text(cause?.message ?? failure ?? verdict.message),
    fix: text(cause?.fix),
    keyRole: verdict.key?.role,
    type: text(verdict.type),
    status: response?.status,
    bodyBytes: delivery.body?.length,
    durationMs: delivery.durationMs,
    replayOf: delivery.replayOf,
  } as { [K in keyof DeliverySummary]: DeliverySummary[K] });
}

export function detailOf(delivery: Delivery): DeliveryDetail {
  const { endpoint, head, verdict, response, failure } = delivery;
  const { redactor } = endpoint;
  const text = (given: string) => redactor.text(given);
  return present<DeliveryDetail>({
    ...summaryOf(delivery),
    httpVersion: head.httpVersion,
    rawHeaders: redactor.headers(head.rawHeaders),
    contentType: headerText(head.rawHeaders, 'content-type'),
    verdict: redacted(verdict, text),
    steps: delivery.steps.map((step) => redacted(step, text)),
    signed: redacted(signedContent(delivery), text),
    response: response && {
      ...response,
      ...(response.rawHeaders === undefined ? {} : { rawHeaders: redactor.headers(response.rawHeaders) }),
      ...(response.body === undefined ? {} : { body: redactor.bytes(response.body).toString('base64') }),
    },
    failure: failure === undefined ? undefined : text(failure),
    replayObstacle: replayObstacle(delivery),
  } as { [K in keyof DeliveryDetail]: DeliveryDetail[K] });
}

/** The same data with every text changed. */
function redacted<T>(value: T, text: (given: string) => string): T {
  if (typeof value === 'string') return text(value) as T;
  if (Array.isArray(value)) return value.map((each) => redacted(each, text)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, redacted(each, text)])) as T;
}
