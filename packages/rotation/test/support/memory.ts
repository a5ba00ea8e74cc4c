import type { SecretSetInput } from '@countersign/core';
import {
  type JournalEntry,
  type RotationJournal,
  type RotationTarget,
  type RotationVendor,
  type VendorCall,
  VendorError,
} from '@countersign/rotation';

/** A target in memory that keeps every set it was given. */
export interface MemoryTarget extends RotationTarget {
  /** Newest last. */
  readonly written: SecretSetInput[];
  set: SecretSetInput | undefined;
  /** How many of the next writes fail, after `skip` that don't. */
  failWrites(count: number, skip?: number): void;
  failReads(count: number): void;
  /** How many of the next writes take effect but seem to fail, after `skip` that don't. */
  loseAnswers(count: number, skip?: number): void;
}

export function memoryTarget(set: SecretSetInput | undefined): MemoryTarget {
  let failing = 0;
  let skipped = 0;
  let unread = 0;
  let losing = 0;
  let heard = 0;
  const target: MemoryTarget = {
    name: 'memory',
    pollSeconds: 30,
    written: [],
    set,
    failWrites(count, skip = 0) {
      failing = count;
      skipped = skip;
    },
    failReads(count) {
      unread = count;
    },
    loseAnswers(count, skip = 0) {
      losing = count;
      heard = skip;
    },
    async read() {
      if (unread > 0 && unread-- > 0) throw new Error(`can't read ${JSON.stringify(target.set)}`);
      return structuredClone(target.set);
    },
    async write(next) {
      if (skipped > 0) skipped--;
      else if (failing > 0 && failing-- > 0) throw new Error(`can't write ${JSON.stringify(next)}`);
      target.set = structuredClone(next);
      target.written.push(structuredClone(next));
      if (heard > 0) heard--;
      else if (losing > 0 && losing-- > 0) throw Object.assign(new Error('cut'), { code: 'ECONNRESET' });
    },
  };
  return target;
}

export interface MemoryJournal extends RotationJournal {
  entry: JournalEntry | undefined;
  /** Every entry ever written; `undefined` if it was closed. */
  readonly history: (JournalEntry | undefined)[];
  holder: string | undefined;
  /** Whether the lock is lost at the next look. */
  lost: boolean;
  failWrites: number;
}

export function memoryJournal(): MemoryJournal {
  const journal: MemoryJournal = {
    name: 'memory',
    entry: undefined,
    history: [],
    holder: undefined,
    lost: false,
    failWrites: 0,
    async lock() {
      if (journal.holder !== undefined) return { heldBy: journal.holder };
      journal.holder = 'process 1';
      return {
        isHeld: async () => !journal.lost,
        release: async () => {
          journal.holder = undefined;
        },
      };
    },
    read: async () => journal.entry,
    async write(entry) {
      if (journal.failWrites > 0 && journal.failWrites-- > 0) throw new Error('no space');
      journal.entry = entry;
      journal.history.push(entry);
    },
    async clear() {
      journal.entry = undefined;
      journal.history.push(undefined);
    },
  };
  return journal;
}

/** What a scripted vendor does when it is called. */
type Script = 'rotates' | 'refuses' | 'rotates and is not heard' | 'is not heard';

export interface ScriptedVendor extends RotationVendor {
  /** What it signs with. */
  secret_: string;
  readonly calls: ('rotate' | 'read' | 'test')[];
  script: Script[];
}

interface Abilities {
  readonly takesKey?: boolean;
  readonly shows?: boolean;
  readonly retriesRefusals?: boolean;
  readonly test?: RotationVendor['test'];
  readonly graceSeconds?: number;
  readonly overlapSeconds?: number;
  /** Before it acts. */
  readonly onCall?: () => void;
}

/** Makes secrets that name their number; signs with the newest. */
export function scriptedVendor(current: string, abilities: Abilities = {}): ScriptedVendor {
  let made = 0;
  const make = (): string => `secret-number-${++made}-of-many`;
  const rotated = (key: string | undefined): string => {
    vendor.secret_ = key ?? make();
    return vendor.secret_;
  };
  const { takesKey = false, shows = false, test } = abilities;
  const vendor: ScriptedVendor = {
    name: 'scripted',
    endpointId: 'webhook-1',
    secret: { encoding: 'utf8' },
    retriesRefusals: abilities.retriesRefusals ?? true,
    graceSeconds: abilities.graceSeconds ?? 0,
    overlapSeconds: abilities.overlapSeconds ?? 300,
    rotateCall: 'POST https://vendor.example/rotate',
    secret_: current,
    calls: [],
    script: [],
    ...(takesKey ? { makeKey: make } : {}),
    async rotate({ key }: VendorCall) {
      abilities.onCall?.();
      vendor.calls.push('rotate');
      const what = vendor.script.shift() ?? 'rotates';
      if (what === 'refuses') {
        throw new VendorError('ERR_ROTATION_FORBIDDEN', 'scripted refuses.', {
          effect: 'none',
          todo: 'Ask.',
        });
      }
      if (what === 'is not heard') throw new Error('cut');
      const secret = rotated(key);
      if (what === 'rotates and is not heard') throw new Error(`cut while saying ${secret}`);
      return { secret: shows && key === undefined ? undefined : secret };
    },
    ...(shows
      ? {
          async readSecret() {
            vendor.calls.push('read');
            return vendor.secret_;
          },
        }
      : {}),
    ...(test === undefined
      ? {}
      : {
          test(call: VendorCall) {
            vendor.calls.push('test');
            return test(call);
          },
        }),
  };
  return vendor;
}
