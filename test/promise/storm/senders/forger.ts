import type { Endpoint } from '../endpoints.ts';
import type { Fleet } from '../fleet.ts';
import { ATTEMPT_HEADER } from '../notes.ts';
import type { ForgeryKind, ForgeryPlan } from '../plan.ts';
import { machineTime } from '../settings.ts';
import { FORGERIES, type Forgery, forge } from '../simulators.ts';
import { type AttemptResult, Exchange } from './client.ts';
import type { Delivery } from './deliveries.ts';
import { eventOf } from './event.ts';
import type { Station } from './stations.ts';

/** A genuine request, as an attacker could have recorded it. */
interface Captured {
  readonly event: Delivery['event'];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly sentAt: Date;
  /** By the clock of the machine. */
  readonly at: number;
}

interface Forged {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const CAPTURED = 200;
const REPLAYED = 40;
const TIMEOUT_MS = 5000;
/** A secret that went from the published set a moment ago may still be on its way out. */
const RETIRED_MS = 4000;
const MOVED_SECONDS = 30;

/** Sends forged, altered and replayed requests. */
export class Forger {
  /** By kind: how often it was sent, and what came of it. */
  readonly results = new Map<ForgeryKind, Map<string, number>>();
  sent = 0;
  readonly #seed: number;
  readonly #fleet: Fleet;
  readonly #stations: ReadonlyMap<string, Station>;
  readonly #captured = new Map<string, Captured[]>();

  constructor(seed: number, fleet: Fleet, stations: ReadonlyMap<string, Station>) {
    this.#seed = seed;
    this.#fleet = fleet;
    this.#stations = stations;
  }

  /** What was overheard of a delivery. */
  overhear({ plan, event, headers }: Delivery): void {
    const list = this.#captured.get(plan.endpoint) ?? [];
    list.push({ event, headers, body: event.body, sentAt: new Date(), at: machineTime() });
    if (list.length > CAPTURED) list.shift();
    this.#captured.set(plan.endpoint, list);
  }

  async send(plan: ForgeryPlan): Promise<void> {
    const station = this.#stations.get(plan.endpoint);
    const forged = station && this.#forge(station, plan);
    const instance = this.#fleet.choose(plan.receiver);
    if (forged === undefined || instance === undefined) return;
    this.sent++;
    const headers = { ...forged.headers, [ATTEMPT_HEADER]: `f${plan.number}` };
    const exchange = new Exchange({ ...forged, headers, port: instance.port }, { does: 'stay' }, TIMEOUT_MS);
    this.#count(plan.kind, await exchange.result);
  }

  /** Sends once more what was recorded last. What a flush made its store forget runs again, as everybody knows: not that. */
  async replayAll(receiverOf: () => number, sinceOf: (endpoint: Endpoint) => number): Promise<void> {
    for (const { endpoint, path } of this.#stations.values()) {
      const captured = this.#captured.get(endpoint.name) ?? [];
      const since = sinceOf(endpoint);
      for (const { headers, body } of captured.filter(({ at }) => at > since).slice(-REPLAYED)) {
        const instance = this.#fleet.choose(receiverOf());
        if (instance === undefined) continue;
        this.sent++;
        const labelled = { ...headers, [ATTEMPT_HEADER]: `again-${this.sent}` };
        const request = { port: instance.port, path, headers: labelled, body };
        this.#count('replay', await new Exchange(request, { does: 'stay' }, TIMEOUT_MS).result);
      }
    }
  }

  /** `undefined` if there is nothing yet to make it from. */
  #forge(station: Station, { kind, number }: ForgeryPlan): Forged | undefined {
    const { path } = station;
    const captured = this.#captured.get(station.endpoint.name) ?? [];
    const newest = captured.at(-1);
    if (isCommon(kind)) {
      if (newest === undefined && (kind === 'replay' || kind === 'altered-body')) return undefined;
      const sender = {
        ...pick(station),
        captured: () => [captured[number % captured.length] ?? newest].flatMap((one) => one ?? []),
      };
      const { headers, body } = forge(sender, kind);
      return { path, headers, body };
    }
    if (kind === 'retired-secret') return this.#signRetired(station, number);
    if (newest === undefined) return undefined;
    const { headers, body } = newest;
    switch (kind) {
      case 'appended-space':
        return { path, headers, body: Buffer.concat([body, Buffer.from(' ')]) };
      case 'moved-time':
        return { path, headers: movedTime(headers), body };
      case 'new-label':
        return { path, headers: newLabels(headers, number), body };
      case 'other-endpoint':
        return { path: this.#otherPath(path, number), headers, body };
      case 'race':
        return { path, headers, body };
    }
  }

  /** Signed with a secret that the operator has taken out of the set. */
  #signRetired(station: Station, number: number): Forged | undefined {
    const { retired } = station.operator.set;
    const gone = retired.filter(({ at }) => Date.now() - at > RETIRED_MS);
    const secret = gone[number % Math.max(1, gone.length)]?.secret;
    if (secret === undefined) return undefined;
    const event = eventOf(
      station.account.vendor,
      this.#seed,
      { sequence: -1_000_000 - number, bodyBytes: 100 },
      new Date(),
    );
    const headers = station.signWith([secret], event, Math.floor(Date.now() / 1000));
    return { path: station.path, headers, body: event.body };
  }

  #otherPath(path: string, number: number): string {
    const paths = [...this.#stations.values()].map((station) => station.path).filter((one) => one !== path);
    return paths[number % paths.length] ?? path;
  }

  #count(kind: ForgeryKind, result: AttemptResult): void {
    const counts = this.results.get(kind) ?? new Map<string, number>();
    counts.set(String(result), (counts.get(String(result)) ?? 0) + 1);
    this.results.set(kind, counts);
  }
}

function pick({ sender }: Station): Pick<Station['sender'], 'account' | 'receiverUrl' | 'clock'> {
  const { account, receiverUrl, clock } = sender;
  return { account, receiverUrl, clock };
}

function isCommon(kind: ForgeryKind): kind is Forgery {
  return (FORGERIES as readonly string[]).includes(kind);
}

/** The same signature under another time. */
function movedTime(headers: Captured['headers']): Record<string, string> {
  const moved: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    moved[name] = value.replace(
      /^(t=)?(\d{10})(?=,|$)/,
      (_, label = '', seconds) => `${label}${Number(seconds) + MOVED_SECONDS}`,
    );
  }
  return moved;
}

/** The same request under other unsigned labels. */
function newLabels(headers: Captured['headers'], number: number): Record<string, string> {
  const labels = {
    'X-PolyAI-Event-ID': `evt_${number}`,
    'Anchor-Delivery-Id': `other-${number}`,
    'Anchor-Event': 'task.failed',
  };
  const changed: Record<string, string> = { ...headers };
  for (const [name, value] of Object.entries(labels)) {
    if (name in changed) changed[name] = value;
  }
  return changed;
}
