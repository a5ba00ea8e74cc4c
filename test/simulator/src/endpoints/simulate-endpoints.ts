import type { Clock } from '@countersign/core';
import { systemClock } from '@countersign/core/extend';
import { DeliveryQueue, type EventRecord } from '../sender/delivery-queue.ts';
import { type ApiFaults, ManagementApi } from '../sender/management-api.ts';
import type { EndpointState, EndpointTable, EndpointVendor } from './endpoint-vendor.ts';

/** Options of {@link simulateEndpoints}. */
export interface SimulateEndpointsOptions {
  readonly receiverUrl: string;
  /** Multiplies the waits between attempts. Default: 1. */
  readonly timeScale?: number;
  readonly attemptsAfterSeconds?: readonly number[];
  /** How long an attempt waits for a response. Default: what the vendor documents, or an assumption. */
  readonly timeoutSeconds?: number;
  readonly clock?: Clock;
}

/** One event, and its copies: one for each endpoint that was enabled when it happened. */
export interface CopiedEvent {
  readonly sequence: number;
  readonly copies: readonly (Pick<EventRecord, 'state' | 'answers'> & { readonly endpointId: string })[];
}

/** An account with several endpoints, all of which get every event. */
export interface SimulatedEndpoints {
  readonly apiUrl: string;
  readonly firstId: string;
  readonly credentials: EndpointVendor['credentials'];
  readonly vendor: EndpointVendor;
  readonly api: ApiFaults;
  /** The endpoints that exist now. */
  endpoints(): readonly EndpointState[];
  /** Adds or replaces an endpoint, as a person does at the vendor. */
  add(endpoint: EndpointState): void;
  emit(count?: number): void;
  run(load: { readonly perSecond: number }): () => Promise<void>;
  /** Resolves when no delivery is pending. */
  idle(): Promise<void>;
  events(): readonly CopiedEvent[];
  close(): Promise<void>;
}

const MOST_PENDING = 40;

interface Running {
  readonly state: EndpointState;
  readonly queue: DeliveryQueue;
}

/** Starts an account with one endpoint, and its management API. */
export async function simulateEndpoints(
  vendor: EndpointVendor,
  options: SimulateEndpointsOptions,
): Promise<SimulatedEndpoints> {
  const { receiverUrl, clock = systemClock, timeScale = 1 } = options;
  const running = new Map<string, Running>();
  const everRan: Running[] = [];
  const copies = new Map<number, { endpointId: string; eventId: string; queue: DeliveryQueue }[]>();

  const add = (state: EndpointState): void => {
    const before = running.get(state.id);
    const queue =
      before?.queue ??
      new DeliveryQueue(
        {
          signing: () => {
            const now = running.get(state.id)?.state ?? state;
            return now.signing?.() ?? [now.secret];
          },
          digest: (secret, event, seconds) => vendor.digest(secret, event, seconds),
          headers: (event, seconds, digests) => vendor.headers(event, seconds, digests),
        },
        {
          receiverUrl,
          clock,
          timeScale,
          minRetryDelayMs: 10,
          policy: {
            ...vendor.delivery,
            attemptsAfterSeconds: options.attemptsAfterSeconds ?? vendor.delivery.attemptsAfterSeconds,
            timeoutSeconds: options.timeoutSeconds ?? vendor.delivery.timeoutSeconds,
          },
          onAttempt: undefined,
        },
      );
    const one = { state, queue };
    running.set(state.id, one);
    if (before === undefined) everRan.push(one);
  };
  const table: EndpointTable = {
    all: () => [...running.values()].map(({ state }) => state),
    add,
    remove(id) {
      const one = running.get(id);
      running.delete(id);
      one?.queue.abandon();
    },
    async attemptOnce(id, event) {
      const one = running.get(id);
      if (one === undefined) throw new Error('There is no such endpoint.');
      const { effect, answer, durationMs } = await one.queue.attemptOnce(event);
      return { effect, status: typeof answer === 'number' ? answer : undefined, durationMs };
    },
  };
  const first = vendor.firstEndpoint(receiverUrl);
  add(first);

  let sequence = 0;
  const emit = (count = 1): void => {
    for (let left = count; left > 0; left--) {
      const event = vendor.newEvent({ sequence: ++sequence, at: new Date(clock.now()) });
      const enabled = [...running.values()].filter(({ state }) => state.isEnabled);
      for (const { queue } of enabled) queue.enqueue(event);
      copies.set(
        sequence,
        enabled.map(({ state, queue }) => ({ endpointId: state.id, eventId: event.id, queue })),
      );
    }
  };
  const api = new ManagementApi(
    {
      routes: vendor.routes(table),
      errorBody: (status) => vendor.errorBody(status),
      ...(vendor.errorHeaders === undefined ? {} : { errorHeaders: vendor.errorHeaders }),
    },
    {
      attemptOnce: () => Promise.reject(new Error('unused')),
      enqueue: () => '',
      attempts: () => [],
      redeliver: () => undefined,
    },
  );
  const apiUrl = await api.listen();
  const idle = async (): Promise<void> => {
    await Promise.all(everRan.map(({ queue }) => queue.idle()));
  };
  let stopLoad = (): void => undefined;
  return {
    apiUrl,
    firstId: first.id,
    credentials: vendor.credentials,
    vendor,
    api,
    endpoints: () => table.all(),
    add,
    emit,
    run({ perSecond }) {
      // A machine that can't keep up gets fewer events. A backlog would grow stale in the queue of connections.
      const pending = (): number => everRan.reduce((sum, { queue }) => sum + queue.stats().pending, 0);
      const timer = setInterval(() => {
        if (pending() < MOST_PENDING) emit();
      }, 1000 / perSecond);
      stopLoad = () => clearInterval(timer);
      return () => {
        stopLoad();
        return idle();
      };
    },
    idle,
    events() {
      const records = new Map<DeliveryQueue, Map<string, EventRecord>>();
      for (const { queue } of everRan)
        records.set(queue, new Map(queue.events().map((record) => [record.id, record])));
      return [...copies].map(([number, own]) => ({
        sequence: number,
        copies: own.flatMap(({ endpointId, eventId, queue }) => {
          const record = records.get(queue)?.get(eventId);
          return record === undefined ? [] : [{ endpointId, state: record.state, answers: record.answers }];
        }),
      }));
    },
    async close() {
      stopLoad();
      await Promise.all([api.close(), ...everRan.map(({ queue }) => queue.close())]);
    },
  };
}
