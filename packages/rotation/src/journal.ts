/**
 * What a run notes down before it goes on, for the run that finds it. Names secrets by key id, never by value.
 */
export interface JournalEntry {
  readonly format: 1;
  readonly vendor: string;
  readonly endpointId: string;
  readonly target: string;
  /**
   * - `announced`: the vendor was not called yet.
   * - `calling`: the vendor may have been called.
   * - `stored`: the new secret is in the target.
   */
  readonly step: 'announced' | 'calling' | 'stored';
  /** When it was written: ISO 8601. */
  readonly at: string;
  /** The key that is replaced, and its place among the `current` ones. */
  readonly replaces: string;
  readonly place: number;
  /** The key that was published as `next`. */
  readonly next?: string;
  /** An earlier run may have rotated, and nobody knows the secret. */
  readonly mayHaveRotated?: boolean;
  /** The replaced secret is known to others: it is dropped, also if another run finishes this one. */
  readonly compromised?: boolean;
}

/** A held lock. */
export interface RotationLock {
  /** Whether nobody has taken it over: asked right before the vendor is called. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Where a run leaves its notes, and what keeps two runs apart: `fileJournal()`, or an object like this, over a database for instance.
 *
 * A lock whose holder was killed must become free by itself.
 */
export interface RotationJournal {
  /** Names the place in messages. */
  readonly name: string;
  /** Takes the lock, or tells who has it. */
  lock(): Promise<RotationLock | { readonly heldBy: string }>;
  /** What the last run left; `undefined` where it came to its end. */
  read(): Promise<JournalEntry | undefined>;
  /** When it resolves, the entry survives a crash of the machine. */
  write(entry: JournalEntry): Promise<void>;
  clear(): Promise<void>;
}

const STEPS = new Set<unknown>(['announced', 'calling', 'stored']);

/** What a place holds as an entry, or `undefined` where it is none. */
export function asJournalEntry(value: unknown): JournalEntry | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const entry = value as Partial<Record<keyof JournalEntry, unknown>>;
  const texts = [entry.vendor, entry.endpointId, entry.target, entry.at, entry.replaces];
  const whole =
    entry.format === 1 &&
    STEPS.has(entry.step) &&
    texts.every((text) => typeof text === 'string') &&
    Number.isInteger(entry.place) &&
    ['string', 'undefined'].includes(typeof entry.next);
  return whole ? (value as JournalEntry) : undefined;
}
