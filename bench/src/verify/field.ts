import { hash } from 'node:crypto';
import { type Contender, interleave } from '../measure/interleave.ts';
import { jsonOfSize } from '../measure/json-of-size.ts';
import { countersign, type Group, type Make, signFor } from './group.ts';

/** What a request is like. */
export const SITUATIONS = ['valid', 'invalid', 'second key'] as const;
export type Situation = (typeof SITUATIONS)[number];

export const BY_HAND = 'by hand';
export const OURS = 'countersign';
export const LIMIT = 'hash of the body';

/** Microseconds a call, round by round: of one sender, at one size, by situation and contender. */
export class Field {
  readonly names: readonly string[];
  readonly #times: ReadonlyMap<string, readonly number[]>;

  constructor(names: readonly string[], times: ReadonlyMap<string, readonly number[]>) {
    this.names = names;
    this.#times = times;
  }

  of(situation: Situation, name: string): readonly number[] {
    return this.#times.get(`${situation}/${name}`) ?? [];
  }
}

/** Runs everyone in every situation, all in the same rounds. */
export async function runField(group: Group, bytes: number): Promise<Field> {
  const body = jsonOfSize(bytes);
  const makers: [string, Make][] = [
    [BY_HAND, group.byHand],
    [OURS, countersign(group)],
    ...group.peers.map(({ name, make }): [string, Make] => [name, make]),
  ];
  const contenders: Contender[] = [];
  for (const situation of SITUATIONS) {
    for (const [name, make] of makers) {
      contenders.push(await contenderIn(situation, { name, make, group, body }));
    }
    contenders.push({ name: `${situation}/${LIMIT}`, run: () => hash('sha256', body) });
  }
  const rounds = await interleave(contenders);
  const times = new Map(contenders.map(({ name }, index) => [name, rounds[index] ?? []]));
  return new Field([...makers.map(([name]) => name), LIMIT], times);
}

/** @throws Error if a contender accepts what all must refuse, or refuses what all must accept: its time would mean nothing. */
async function contenderIn(
  situation: Situation,
  { name, make, group, body }: { name: string; make: Make; group: Group; body: Buffer },
): Promise<Contender> {
  const [first, second, foreign] = group.secrets;
  const secrets = situation === 'second key' ? [first, second] : [first];
  const signer = { valid: first, invalid: foreign, 'second key': second }[situation];
  const verify = make(secrets, signFor(group, signer, body));
  const run = situation === 'invalid' ? () => refusal(verify) : verify;
  const accepted = (await run()) !== false;
  if (accepted === (situation === 'invalid')) {
    throw new Error(`${name}: ${group.name}, ${situation}: ${accepted ? 'accepted' : 'refused'}.`);
  }
  return { name: `${situation}/${name}`, run };
}

function refusal(verify: () => unknown): unknown {
  try {
    const result = verify();
    return result instanceof Promise ? result.catch(() => false) : result;
  } catch {
    return false;
  }
}
