import type { SecretSetInput } from '@countersign/core';
import {
  isRotationError,
  type ReplaceVendor,
  type RotateOptions,
  type RotationError,
  type RotationReport,
  rotate,
  VendorError,
} from '@countersign/rotation';
import { type ManualClock, manualClock } from '@countersign/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { type MemoryJournal, type MemoryTarget, memoryJournal, memoryTarget } from './support/memory.ts';

const OLD = 'the-secret-before-all';
const FIRST = 'endpoint-0';

let clock: ManualClock;
let target: MemoryTarget;
let journal: MemoryJournal;
/** What the vendor has: endpoints and their secrets. */
let endpoints: Map<string, string>;
/** What becomes of the next calls that make an endpoint. */
let script: ('is not heard' | 'is not sent')[];
let made: number;

beforeEach(() => {
  clock = manualClock(Date.UTC(2030, 0, 1));
  target = memoryTarget({ current: OLD });
  journal = memoryJournal();
  endpoints = new Map([[FIRST, OLD]]);
  script = [];
  made = 0;
});

function vendorOf(isCreateIdempotent = true): ReplaceVendor {
  return {
    name: 'scripted',
    endpointId: FIRST,
    secret: { encoding: 'utf8' },
    retriesRefusals: true,
    graceSeconds: 300,
    overlapSeconds: 60,
    rotateCall: 'POST https://vendor.example/endpoints',
    endpoints: {
      isCreateIdempotent,
      find: async () => ({ id: [...endpoints.keys()][0] ?? '', isOurs: false }),
      list: async () => [...endpoints.keys()].map((id) => ({ id, isOurs: id !== FIRST })),
      async create() {
        const what = script.shift();
        if (what === 'is not sent') {
          const todo = 'Check the network.';
          throw new VendorError('ERR_ROTATION_VENDOR_UNREACHABLE', 'No connection.', {
            effect: 'none',
            todo,
          });
        }
        const id = `endpoint-${++made}`;
        const secret = `secret-number-${made}-of-many`;
        endpoints.set(id, secret);
        if (what === 'is not heard') throw new Error('cut');
        return { id, secret };
      },
      async remove({ id }) {
        endpoints.delete(id);
      },
    },
  };
}

/** Lets time pass until the rotation has come to its end. */
async function run(
  options: Partial<Omit<RotateOptions, 'dryRun'>> = {},
  isIdempotent?: boolean,
): Promise<RotationReport> {
  const rotation = rotate({
    vendor: vendorOf(isIdempotent),
    target,
    journal,
    clock,
    waitOverlapSeconds: 3600,
    ...options,
  });
  let over = false;
  const end = (): void => {
    over = true;
  };
  rotation.then(end, end);
  for (let seconds = 0; !over && seconds < 3600; seconds++) await clock.advance(1000);
  return rotation;
}

async function failure(rotation: Promise<unknown>): Promise<RotationError> {
  const error = await rotation.then(
    () => expect.fail('The rotation succeeded.'),
    (thrown: unknown) => thrown,
  );
  if (!isRotationError(error)) throw error;
  return error;
}

/** The secrets that receivers take for the vendor's. */
const currents = (): unknown[] => [target.set?.current].flat();

/** What receivers refuse: deliveries of an endpoint whose secret the target lacks. */
const refused = (): string[] => [...endpoints.values()].filter((secret) => !currents().includes(secret));

describe.each([false, true])('a replacement, compromised %s', (compromised) => {
  it.each([1, 4])('goes on although the answers to %i writes are lost', async (lost) => {
    target.loseAnswers(lost, 1);
    await run({ compromised });
    expect([...endpoints.values()]).toEqual(currents());
    expect(endpoints.has(FIRST)).toBe(false);
  });

  it('keeps the second endpoint if receivers have its secret, and the next run goes on', async () => {
    target.loseAnswers(100, 1);
    const error = await failure(run({ compromised }));
    expect(error).toMatchObject({
      code: 'ERR_ROTATION_TARGET_UNWRITABLE',
      secretState: 'changed-and-stored',
    });
    expect(error.todo).toMatch(/Both endpoints stay/);
    expect(endpoints.size).toBe(2);
    expect(currents()).toContain(endpoints.get('endpoint-1'));
    expect(journal.entry).toMatchObject({ step: 'made', endpoints: { made: 'endpoint-1' } });
    target.loseAnswers(0);
    expect(await run({ compromised })).toMatchObject({ outcome: 'finished' });
    expect([...endpoints.keys()]).toEqual(['endpoint-1']);
    expect(refused()).toEqual([]);
    expect(journal.entry).toBeUndefined();
  });

  it('keeps both endpoints while the target can not be read', async () => {
    target.loseAnswers(100, 1);
    const onStep: RotateOptions['onStep'] = ({ step }) => {
      if (step === 'answered') target.failReads(100);
    };
    expect(await failure(run({ compromised, onStep }))).toMatchObject({ secretState: 'unknown' });
    expect(endpoints.size).toBe(2);
    expect(journal.entry).toMatchObject({ step: 'made' });
    target.failReads(0);
    target.loseAnswers(0);
    await run({ compromised });
    expect(endpoints.size).toBe(1);
    expect(refused()).toEqual([]);
  });

  it('removes the second endpoint if receivers do not have its secret, after the old one is put back', async () => {
    const { read, write } = target;
    let writes = 0;
    // The target takes the set, and another tool replaces it by one without any of the two secrets.
    target.write = async (set: SecretSetInput) => {
      writes++;
      if (writes < 2 || writes > 6) return write(set);
      await write({ current: 'the-secret-of-another-tool' });
      throw new Error('cut');
    };
    target.read = read;
    await failure(run({ compromised }));
    expect([...endpoints.values()]).toEqual([OLD]);
    expect(currents()).toEqual([OLD]);
    expect(target.set).not.toHaveProperty('rotating');
    expect(journal.entry).toBeUndefined();
  });
});

describe('an endpoint that the vendor may have made', () => {
  it('is removed by the next run if the second call was not sent', async () => {
    script = ['is not heard', 'is not sent'];
    expect(await failure(run())).toMatchObject({
      code: 'ERR_ROTATION_VENDOR_UNREACHABLE',
      secretState: 'unknown',
    });
    expect(journal.entry).toMatchObject({ step: 'calling' });
    expect((await run()).endpoints?.undone).toEqual(['endpoint-1']);
    expect([...endpoints.keys()]).toEqual(['endpoint-2']);
  });

  it('is none if no call was sent', async () => {
    script = ['is not sent'];
    expect(await failure(run())).toMatchObject({ secretState: 'unchanged' });
    expect(journal.entry).toBeUndefined();
  });
});

describe('a leak that becomes known after a run that only failed to close its journal', () => {
  it('leaves neither of the two secrets accepted', async () => {
    const { clear } = journal;
    journal.clear = () => Promise.reject(new Error('down'));
    await failure(run());
    journal.clear = clear;
    expect(target.set).toMatchObject({ current: 'secret-number-1-of-many', previous: [{ secret: OLD }] });
    await run({ compromised: true });
    expect(target.set).toEqual({ current: 'secret-number-2-of-many', version: expect.any(String) });
    expect([...endpoints.values()]).toEqual(['secret-number-2-of-many']);
  });
});
