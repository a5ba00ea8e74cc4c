import { ENDPOINTS } from '../endpoints.ts';
import { Random } from '../random.ts';
import { FRAMEWORKS, LEASE_MS, SKEW_MS } from '../settings.ts';

export type ProcessFault = 'kill' | 'stop';
export type StoreFault = 'restart' | 'crash' | 'pause' | 'flush';
export type FileFault = 'half-written' | 'emptied' | 'deleted' | 'swapped';
export type ServerFault = 'hangs' | 'fails' | 'sends half' | 'goes back';

export type FaultPlan = { readonly atMs: number; readonly lastsMs: number } & (
  | { readonly type: ProcessFault; readonly receiver: number }
  | { readonly type: StoreFault; readonly store: 'redis' | 'postgres' }
  | { readonly type: FileFault | ServerFault; readonly endpoint: string }
);

/**
 * - `unannounced`: the vendor makes a secret, and the operator publishes it a little later.
 * - `announced`: the rotation is published first.
 * - `next first`: the new secret is published before the vendor uses it. Only Ada takes a secret of one's own.
 */
export type RotationOrder = 'unannounced' | 'announced' | 'next first';

export interface RotationPlan {
  readonly atMs: number;
  readonly endpoint: string;
  readonly order: RotationOrder;
  /** Between the vendor's new secret and its publication. */
  readonly handoverMs: number;
}

const FIRST_MS = 1500;
const ROTATION_MS = 2000;
const FILE_FAULTS: readonly FileFault[] = ['half-written', 'emptied', 'deleted', 'swapped'];
const SERVER_FAULTS: readonly ServerFault[] = ['hangs', 'fails', 'sends half', 'goes back'];

export function planFaults(seed: number, lastMs: number): FaultPlan[] {
  const faults = [
    ...lane(seed, 'processes', lastMs, [2500, 4000], processFaults()),
    ...lane(seed, 'stores', lastMs, [4500, 7000], storeFaults()),
    ...lane(seed, 'secrets', lastMs, [1200, 2200], secretFaults()),
  ];
  return faults.sort((some, other) => some.atMs - other.atMs);
}

export function planRotations(seed: number, lastMs: number): RotationPlan[] {
  const random = new Random(seed, 'rotations');
  const plans: RotationPlan[] = [];
  for (let atMs = ROTATION_MS / 2; atMs < lastMs; atMs += ROTATION_MS) {
    const endpoint = ENDPOINTS[plans.length % ENDPOINTS.length] ?? ENDPOINTS[0];
    const orders: [RotationOrder, ...RotationOrder[]] = ['announced'];
    if (endpoint.retriesMismatch) orders.push('unannounced');
    if (endpoint.sender.vendor === 'ada') orders.push('next first');
    plans.push({
      atMs,
      endpoint: endpoint.name,
      order: random.pick(orders),
      handoverMs: random.integer(50, 400),
    });
  }
  return plans;
}

/** How far the clock of a receiver is off, this time that it starts: one of them is ahead, one behind, unless it was set right. */
export function clockSkewOf(seed: number, receiver: number, incarnation: number): number {
  const [ahead, behind] = new Random(seed, 'clocks').shuffle(FRAMEWORKS.map((_, index) => index));
  const isRightNow = new Random(seed, 'clock', receiver, incarnation).chance(0.25);
  if (isRightNow) return 0;
  return receiver === ahead ? SKEW_MS : receiver === behind ? -SKEW_MS : 0;
}

type Draw = (random: Random) => Omit<FaultPlan, 'atMs'>;

/** One fault after the other: each kind once, in some order, then again in another. */
function lane(
  seed: number,
  name: string,
  lastMs: number,
  [shortestMs, longestMs]: readonly [number, number],
  draws: readonly Draw[],
): FaultPlan[] {
  const random = new Random(seed, name);
  const faults: FaultPlan[] = [];
  let left: Draw[] = [];
  let atMs = FIRST_MS + random.integer(0, shortestMs);
  while (atMs < lastMs) {
    if (left.length === 0) left = random.shuffle(draws);
    const draw = left.pop();
    if (draw !== undefined) faults.push({ ...draw(random), atMs } as FaultPlan);
    atMs += random.integer(shortestMs, longestMs);
  }
  return faults;
}

function processFaults(): Draw[] {
  return FRAMEWORKS.flatMap((_, receiver): Draw[] => [
    (random) => ({ type: 'kill', receiver, lastsMs: random.integer(0, 800) }),
    (random) => ({ type: 'stop', receiver, lastsMs: random.integer(LEASE_MS * 1.4, LEASE_MS * 2.6) }),
  ]);
}

function storeFaults(): Draw[] {
  return (['redis', 'postgres'] as const).flatMap((store): Draw[] => [
    () => ({ type: 'restart', store, lastsMs: 0 }),
    (random) => ({ type: 'crash', store, lastsMs: random.integer(0, 1500) }),
    (random) => ({ type: 'pause', store, lastsMs: random.integer(LEASE_MS * 0.5, LEASE_MS * 1.6) }),
    () => ({ type: 'flush', store, lastsMs: 0 }),
  ]);
}

function secretFaults(): Draw[] {
  return ENDPOINTS.flatMap(({ name, source, retriesMismatch }) => {
    const types: readonly (FileFault | ServerFault)[] = source === 'file' ? FILE_FAULTS : SERVER_FAULTS;
    // A set of other secrets is refused with a status that its sender may take for final: documented, and not a matter of luck here.
    const borne = types.filter((type) => retriesMismatch || (type !== 'swapped' && type !== 'goes back'));
    return borne.map(
      (type): Draw =>
        (random) => ({ type, endpoint: name, lastsMs: random.integer(200, 1500) }),
    );
  });
}
