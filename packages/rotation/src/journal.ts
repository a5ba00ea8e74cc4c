/** What a run writes to the journal before it goes on, for the next run. Names secrets by key id, never by value. */
export interface JournalEntry {
  readonly format: 1;
  readonly vendor: string;
  readonly endpointId: string;
  readonly target: string;
  /**
   * - `announced`: the vendor was not called yet.
   * - `calling`: the vendor may have been called.
   * - `made`: the second endpoint exists, and its secret may be in the target; only with the strategy `replace`.
   * - `stored`: the new secret is in the target.
   * - `removing`: the old endpoint may have been removed; only with the strategy `replace`.
   */
  readonly step: 'announced' | 'calling' | 'made' | 'stored' | 'removing';
  /** The time at which it was written, as ISO 8601. */
  readonly at: string;
  /** The key that is replaced, and its position among the `current` ones. */
  readonly replaces: string;
  readonly place: number;
  /** The key that was published as `next`. */
  readonly next?: string;
  /** An earlier run may have rotated, and the new secret is unknown. */
  readonly mayHaveRotated?: boolean;
  /** The replaced secret has leaked: it is dropped, even if another run finishes this one. */
  readonly compromised?: boolean;
  /** With the strategy `replace`: the two endpoints. Absent for a rotation in place. */
  readonly endpoints?: JournalEndpoints;
}

/** What the journal knows about the endpoints of a replacement. */
export interface JournalEndpoints {
  /** The vendor's id of the endpoint that is replaced. */
  readonly old: string;
  /** The vendor's id of the new endpoint, once it is known. */
  readonly made?: string;
  /** When the old endpoint is removed, as ISO 8601. */
  readonly removeAfter?: string;
  /** The endpoints that existed before the call, if the vendor shows no mark by which the new one could be found. */
  readonly known?: readonly string[];
}

/** A held lock. */
export interface RotationLock {
  /** Whether no other process has taken it over. Checked right before the vendor is called. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/** Takes a lock, or returns its holder: `redisLock()`, `postgresLock()`, or your own function. */
export type LockSource = () => Promise<RotationLock | { readonly heldBy: string }>;

/**
 * Where a run keeps its notes, and the lock that prevents two runs at a time: `fileJournal()`, or your own object, for example
 * with a database.
 *
 * If the holder of a lock was killed, the lock must become free by itself.
 */
export interface RotationJournal {
  /** The journal's name in messages. */
  readonly name: string;
  /** Takes the lock, or returns its holder. */
  lock(): Promise<RotationLock | { readonly heldBy: string }>;
  /** What the last run left; `undefined` if it ended completely. */
  read(): Promise<JournalEntry | undefined>;
  /** When this resolves, the entry survives a crash of the machine. */
  write(entry: JournalEntry): Promise<void>;
  clear(): Promise<void>;
}

const STEPS = new Set<unknown>(['announced', 'calling', 'made', 'stored', 'removing']);

/** A stored value as an entry, or `undefined` if it is not one. */
export function asJournalEntry(value: unknown): JournalEntry | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const entry = value as Partial<Record<keyof JournalEntry, unknown>>;
  const texts = [entry.vendor, entry.endpointId, entry.target, entry.at, entry.replaces];
  const whole =
    entry.format === 1 &&
    STEPS.has(entry.step) &&
    texts.every((text) => typeof text === 'string') &&
    Number.isInteger(entry.place) &&
    ['string', 'undefined'].includes(typeof entry.next) &&
    (entry.endpoints === undefined || isEndpoints(entry.endpoints));
  return whole ? (value as JournalEntry) : undefined;
}

function isEndpoints(value: unknown): value is JournalEndpoints {
  if (value === null || typeof value !== 'object') return false;
  const { old, made, removeAfter, known } = value as Partial<Record<keyof JournalEndpoints, unknown>>;
  const isDate = removeAfter === undefined || !Number.isNaN(Date.parse(String(removeAfter)));
  const isText = typeof old === 'string' && ['string', 'undefined'].includes(typeof made);
  return isText && isDate && (known === undefined || Array.isArray(known));
}
