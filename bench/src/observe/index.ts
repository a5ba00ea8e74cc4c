import {
  createVerifier,
  logWebhooks,
  type Observer,
  type ReplayStore,
  type WebhookEvent,
} from '@countersign/core';
import { observeWithOpenTelemetry } from '@countersign/opentelemetry';
import { standardWebhooks } from '@countersign/schemes';
import { generateSigningKeys, sign } from '@countersign/testing';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { AlwaysOffSampler, BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { interleave } from '../measure/interleave.ts';
import { jsonOfSize } from '../measure/json-of-size.ts';
import { differences, printRatio, ratios, spreadOf } from '../measure/spread.ts';
import { amount, atMost, type Report } from '../report/report.ts';

const BYTES = 1024;
const scheme = standardWebhooks();

/** A handled delivery without an observer and with each of ours: it makes three events, `verified`, `claimed` and `committed`. */
export async function observe(progress: (line: string) => void): Promise<Report> {
  const { secret, signingSecret } = generateSigningKeys(scheme);
  const { headers, body } = sign(scheme, { secret: signingSecret, body: jsonOfSize(BYTES) });
  const request = { headers: Object.entries(headers).flat(), body: Buffer.from(body) };
  const observers = all();
  progress(observers.map(({ name }) => name).join(', '));
  const receive = (each: Observer<WebhookEvent> | undefined) => {
    const verifier = createVerifier({
      ...{ scheme, secrets: String(secret), replay: forgetfulStore() },
      ...(each === undefined ? {} : { observe: each }),
    });
    return () => verifier.handle(request, () => undefined, { settle: 'before-response' });
  };
  const events = await eventsOf(receive);
  const contenders = observers.map(({ name, observe: each }) => ({ name, run: receive(each) }));
  for (const { name, run } of contenders) {
    const { status } = await run();
    if (status !== 204) throw new Error(`${name} does not handle the delivery: ${status}.`);
  }
  const alone = observers.map(({ name, observe: each = () => undefined }) => ({
    name,
    run() {
      for (const event of events) each(event);
    },
  }));
  const unobserved = createVerifier({ scheme, secrets: String(secret), replay: false });
  const verify = { name: 'verifying', run: () => unobserved.verify(request) };
  const rounds = await interleave([verify, ...contenders, ...alone], { rounds: 301, sliceMs: 1 });
  const verifying = Math.min(...(rounds[0] ?? []));
  const base = rounds[1] ?? [];
  const rows = contenders.map(({ name }, index) => {
    const own = rounds[1 + index] ?? [];
    const work = rounds[1 + contenders.length + index] ?? [];
    const fastest = Math.min(...work);
    return {
      ...{ name, fastest, ofVerifying: fastest / verifying },
      own: spreadOf(own).median,
      work: spreadOf(work),
      over: differences(own, base),
      ratio: ratios(own, base),
    };
  });
  return {
    title: 'Observing',
    head: [
      `A delivery of 1 KiB of ${scheme.name} that is verified, claimed, handled and committed, without a network and on a store that costs nothing: microseconds of the process for each delivery, with each observer (median over the rounds; quartiles). OpenTelemetry is SDK 2 with its own processors; nothing is exported while it is measured.`,
      `The observer alone is what it does with the three events of that delivery, and beside it as a multiple of verifying one without an observer, which takes ${amount(verifying)} µs; both in the fastest round, because what else the machine does only adds. The rest of the difference is the work of the verifier for any observer: it reads clocks and makes the events.`,
    ],
    tables: [
      {
        caption: 'Observers',
        columns: [
          ...['', 'observer alone, µs', 'fastest round, µs', 'of verifying'],
          ...['a delivery, µs', 'more than without, µs', 'multiple'],
        ],
        rows: rows.map(({ name, own, work, fastest, ofVerifying, over, ratio }) => [
          name,
          `${amount(work.median)} (${amount(work.low)}-${amount(work.high)})`,
          amount(fastest),
          amount(ofVerifying),
          amount(own),
          `${amount(over.median)} (${amount(over.low)}-${amount(over.high)})`,
          printRatio(ratio),
        ]),
      },
    ],
    charts: [
      {
        title: 'What the observer does for one delivery, fastest round',
        unit: 'µs',
        categories: rows.map(({ name }) => name),
        series: [{ name: 'observer alone', values: rows.map(({ fastest }) => fastest) }],
      },
    ],
    targets: rows
      .filter(({ name }) => name === 'metrics')
      .map(({ fastest }) => atMost('metrics, for one delivery, in the fastest round', fastest, 3, ' µs')),
    omitted: [],
    faults: [],
  };
}

/** The events of one delivery. */
async function eventsOf(
  receive: (observe: Observer<WebhookEvent>) => () => Promise<unknown>,
): Promise<WebhookEvent[]> {
  const events: WebhookEvent[] = [];
  await receive((event) => events.push(event))();
  return events.filter(({ type }) => type !== 'secrets-loaded');
}

/** Claims everything, so that one request can be handled again and again. */
function forgetfulStore(): ReplayStore {
  const token = { fencingToken: 1, owner: 'the benchmark' };
  return {
    claim: async () => ({ state: 'claimed', token }),
    renew: async () => true,
    commit: async () => true,
    release: async () => true,
    forget: async () => true,
  };
}

function all(): { readonly name: string; readonly observe: Observer<WebhookEvent> | undefined }[] {
  const write = () => undefined;
  const logger = { debug: write, info: write, warn: write, error: write };
  return [
    { name: 'no observer', observe: undefined },
    { name: 'an empty function', observe: () => undefined },
    { name: 'logWebhooks(console)', observe: logWebhooks(console) },
    { name: 'logWebhooks, every line made', observe: logWebhooks(logger) },
    {
      name: 'metrics',
      observe: observeWithOpenTelemetry({ meterProvider: metersOf(), tracerProvider: false }),
    },
    {
      name: 'metrics, and spans that are not sampled',
      observe: observeWithOpenTelemetry({
        meterProvider: metersOf(),
        tracerProvider: new BasicTracerProvider({ sampler: new AlwaysOffSampler() }),
      }),
    },
    {
      name: 'metrics and spans',
      observe: observeWithOpenTelemetry({ meterProvider: metersOf(), tracerProvider: tracersOf() }),
    },
  ];
}

class IdleReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function metersOf(): MeterProvider {
  return new MeterProvider({ readers: [new IdleReader()] });
}

function tracersOf(): BasicTracerProvider {
  const exporter = {
    export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => undefined,
  };
  return new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
}
