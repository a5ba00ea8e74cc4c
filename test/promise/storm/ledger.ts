import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { ClaimOutcome, Envelope, Note, Reply, RunStart } from './notes.ts';
import { machineTime } from './settings.ts';

/** One run of a handler. */
export interface Run extends RunStart {
  readonly instance: string;
  readonly startedAt: number;
  effectAt?: number;
  endedAt?: number;
  status?: number | 'threw';
}

/** One claim that a receiver has asked for. */
export interface ClaimRecord {
  readonly key: string;
  readonly instance: string;
  readonly attempt: string;
  readonly askedAt: number;
  answeredAt?: number;
  outcome?: ClaimOutcome;
  lastRenewedAt?: number;
  /** What the receiver told the store at the end, as often as it did. */
  readonly settled: {
    readonly how: 'commit' | 'release';
    readonly at: number;
    readonly kept: boolean | undefined;
  }[];
}

export interface Refusal {
  readonly code: string;
  readonly status: number;
}

/** Something that was done to the receivers, or that befell them, and when. */
export interface Incident {
  readonly what: 'kill' | 'stop' | 'stall' | 'store down' | 'store flushed' | 'secrets';
  /** The instance, the store or the endpoint. */
  readonly whom: string;
  readonly how: string;
  readonly from: number;
  to: number;
}

interface Loaded {
  readonly at: number;
  readonly keys: readonly string[];
  readonly version: string;
}

const BEAT_MS = 50;
const STALL_MS = 300;
const NO_TIME = { what: 'stall', whom: 'machine', how: 'no time' } as const;

/** Hears every note when it arrives. Receivers wait for the ledger's reply to `start` and `wait`. */
export interface LedgerListener {
  /** @returns Resolves when the receiver may go on: `true` if it is going to be stopped. */
  heard(note: Note, instance: string): Promise<boolean> | undefined;
}

/**
 * Counts effects outside of the receivers, and keeps what was done to whom and when. What a receiver has sent is here even if the
 * receiver was killed right after.
 */
export class Ledger {
  readonly runs = new Map<string, Run>();
  readonly runsOf = new Map<number, Run[]>();
  readonly claimsOf = new Map<string, ClaimRecord[]>();
  readonly refusals = new Map<string, Refusal>();
  readonly incidents: Incident[] = [];
  readonly #claims = new Map<string, ClaimRecord>();
  readonly #asked = new Map<string, ClaimRecord>();
  readonly #loads = new Map<string, Loaded[]>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #listener: LedgerListener = { heard: () => undefined };

  constructor() {
    this.#server = createServer((socket) => this.#take(socket));
  }

  /** Notes when this process, and so the machine, had no time. */
  watchMachine(): void {
    let last = machineTime();
    const beat = setInterval(() => {
      const now = machineTime();
      if (now - last > STALL_MS) this.incidents.push({ ...NO_TIME, from: last, to: now });
      last = now;
    }, BEAT_MS);
    beat.unref();
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The ledger has no port.');
    return address.port;
  }

  tell(listener: LedgerListener): void {
    this.#listener = listener;
  }

  /** Begins an incident; set its `to` when it is over. */
  begin(what: Incident['what'], whom: string, how: string): Incident {
    const incident = { what, whom, how, from: machineTime(), to: Number.POSITIVE_INFINITY };
    this.incidents.push(incident);
    return incident;
  }

  /** The keys of an endpoint that an instance had loaded at that time; `undefined`: none. */
  keysAt(instance: string, endpoint: string, at: number): readonly string[] | undefined {
    return this.#loads.get(`${instance} ${endpoint}`)?.findLast((load) => load.at <= at)?.keys;
  }

  /** The sets of keys that an instance had at some moment of that time, as lists of their ids. */
  keysWithin(instance: string, endpoint: string, from: number, to: number): readonly (readonly string[])[] {
    const first = this.keysAt(instance, endpoint, from);
    const later = this.#loads.get(`${instance} ${endpoint}`)?.filter(({ at }) => at > from && at <= to) ?? [];
    return [...(first === undefined ? [] : [first]), ...later.map(({ keys }) => keys)];
  }

  /** The version of an endpoint's secrets that an instance has loaded. */
  versionOf(instance: string, endpoint: string): string | undefined {
    return this.#loads.get(`${instance} ${endpoint}`)?.at(-1)?.version;
  }

  /** Runs that have started and have not ended. */
  unended(instances: ReadonlySet<string>): number {
    let count = 0;
    for (const { endedAt, instance } of this.runs.values()) {
      if (endedAt === undefined && instances.has(instance)) count++;
    }
    return count;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(socket: Socket): void {
    let instance = '';
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    const lines = createInterface({ input: socket });
    // It passes on the errors of the socket.
    lines.on('error', () => undefined);
    lines.on('line', (line) => {
      const { ask, ...note } = JSON.parse(line) as Envelope;
      if (note.did === 'listen') instance = note.instance;
      const times = this.#write(note as Note, instance);
      const told = this.#listener.heard(note as Note, instance);
      if (ask === undefined) return;
      const answer = (isStopped: boolean): void => {
        const reply: Reply = { ask, times, isStopped };
        socket.write(`${JSON.stringify(reply)}\n`);
      };
      if (told === undefined) answer(false);
      else void told.then(answer);
    });
  }

  /** @returns How often a handler has started for the delivery of a `start`. */
  #write(note: Note, instance: string): number {
    switch (note.did) {
      case 'ask':
        this.#ask(note, instance);
        break;
      case 'claim':
        this.#answer(note, instance);
        break;
      case 'renew':
      case 'commit':
      case 'release':
        this.#hold(note);
        break;
      case 'refuse':
        this.refusals.set(note.attempt, note);
        break;
      case 'start':
        return this.#start(note, instance);
      case 'effect':
        Object.assign(this.runs.get(note.run) ?? {}, { effectAt: note.at });
        break;
      case 'end':
        Object.assign(this.runs.get(note.run) ?? {}, { endedAt: note.at, status: note.status });
        break;
      case 'load':
        listIn(this.#loads, `${instance} ${note.endpoint}`).push(note);
        break;
      case 'stall':
        this.incidents.push({ what: 'stall', whom: instance, how: 'no time', from: note.from, to: note.at });
        break;
    }
    return 0;
  }

  #ask({ at, attempt, key }: Note & { did: 'ask' }, instance: string): void {
    const claim: ClaimRecord = { key, instance, attempt, askedAt: at, settled: [] };
    listIn(this.claimsOf, key).push(claim);
    this.#asked.set(`${instance} ${attempt}`, claim);
  }

  #answer(note: Note & { did: 'claim' }, instance: string): void {
    const claim = this.#asked.get(`${instance} ${note.attempt}`);
    if (claim === undefined) return;
    claim.answeredAt = note.at;
    claim.outcome = note;
    if (note.state === 'claimed') this.#claims.set(note.owner, claim);
  }

  #hold(note: Note & { did: 'renew' | 'commit' | 'release' }): void {
    const claim = this.#claims.get(note.owner);
    if (claim === undefined) return;
    const { did: how, at, kept } = note;
    if (how !== 'renew') claim.settled.push({ how, at, kept });
    else if (kept === true) claim.lastRenewedAt = at;
  }

  #start({ did: _, at, ...start }: Note & { did: 'start' }, instance: string): number {
    const run: Run = { ...start, instance, startedAt: at };
    this.runs.set(run.run, run);
    const runs = listIn(this.runsOf, run.sequence);
    runs.push(run);
    return runs.length;
  }
}

function listIn<K, V>(map: Map<K, V[]>, key: K): V[] {
  let list = map.get(key);
  if (list === undefined) {
    list = [];
    map.set(key, list);
  }
  return list;
}
