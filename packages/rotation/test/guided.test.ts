import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { DefinedScheme } from '@countersign/core';
import {
  type Ask,
  askInTerminal,
  fileTarget,
  type GuidedSender,
  type GuideStep,
  guided,
  isRotationError,
  type RotateOptions,
  type RotationError,
  type RotationReport,
  rotate,
} from '@countersign/rotation';
import { box, clerk, docusign, shopify, slack, twilio } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Receiver, startReceiver } from './support/receiver.ts';

let directory: string;
let path: string;
const closings: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-guided-'));
  path = join(directory, 'secrets.json');
});

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
  await rm(directory, { recursive: true, force: true });
});

const newSecret = (): string => randomBytes(16).toString('hex');

/** A vendor without an API: its page, on which a person makes secrets, and deliveries that are retried twice a second. */
class Page {
  readonly #receiver: Receiver;
  readonly #scheme: DefinedScheme;
  signing: string[];
  sequence = 0;
  readonly firstStatus = new Map<number, number>();
  readonly lost: number[] = [];
  #pending: Promise<void>[] = [];
  #isRunning = true;

  constructor(receiver: Receiver, scheme: DefinedScheme, secret: string) {
    this.#receiver = receiver;
    this.#scheme = scheme;
    this.signing = [secret];
  }

  /** Delivers until `stop()`, which waits for all retries. */
  run(perSecond: number): () => Promise<void> {
    const timer = setInterval(() => this.#pending.push(this.#deliver(++this.sequence)), 1000 / perSecond);
    return async () => {
      clearInterval(timer);
      await Promise.all(this.#pending);
      this.#isRunning = false;
    };
  }

  async #deliver(sequence: number): Promise<void> {
    const body = JSON.stringify({ event_id: `Ev${sequence}`, type: 'event_callback', sequence });
    for (let attempt = 1; attempt <= 60 && this.#isRunning; attempt++) {
      const signed = sign(this.#scheme, { secret: this.signing, body });
      const response = await fetch(this.#receiver.url, {
        method: 'POST',
        headers: signed.headers as Record<string, string>,
        body: signed.text,
      });
      await response.arrayBuffer();
      if (attempt === 1) this.firstStatus.set(sequence, response.status);
      if (response.status < 300) return;
      await delay(500);
    }
    this.lost.push(sequence);
  }

  refusedAtFirst(): number {
    return [...this.firstStatus.values()].filter((status) => status >= 300).length;
  }
}

interface Fixture {
  readonly page: Page;
  readonly receiver: Receiver;
  readonly first: string;
  rotate(ask: Ask, options?: Partial<Omit<RotateOptions, 'dryRun'>>): Promise<RotationReport>;
}

async function fixture(sender: GuidedSender, scheme: DefinedScheme): Promise<Fixture> {
  const receiver = await startReceiver();
  closings.push(() => receiver.close());
  const first = newSecret();
  await writeFile(path, JSON.stringify({ current: first }));
  await receiver.load(scheme, path);
  return {
    page: new Page(receiver, scheme, first),
    receiver,
    first,
    rotate: (ask, options = {}) =>
      rotate({
        vendor: guided({ sender, ask }),
        target: fileTarget(path),
        pollSeconds: 0.1,
        waitSeconds: 20,
        health: () => receiver.health(),
        ...options,
      }),
  };
}

const stored = async (): Promise<Record<string, unknown>> => JSON.parse(await readFile(path, 'utf8'));

async function failure(rotation: Promise<unknown>): Promise<RotationError> {
  const error = await rotation.then(
    () => expect.fail('The rotation succeeded.'),
    (thrown: unknown) => thrown,
  );
  if (!isRotationError(error)) throw error;
  return error;
}

describe('Slack: the old secret is invalid at once', () => {
  it('under traffic: deliveries come back until the person has passed on the new secret', async () => {
    const { page, receiver, first, rotate: run } = await fixture('slack', slack());
    const stopLoad = page.run(20);
    await delay(300);
    const steps: GuideStep[] = [];
    const made = newSecret();
    const report = await run(async (step) => {
      steps.push(step);
      page.signing = [made];
      await delay(700);
      return ` ${made}\n`;
    });
    await delay(300);
    await stopLoad();
    expect(report).toMatchObject({ outcome: 'rotated', order: 'announced', vendor: 'slack' });
    expect(report.check).toMatchObject({
      state: 'passed',
      message: expect.stringMatching(/verified with it/),
    });
    expect(steps).toMatchObject([
      { kind: 'secret', text: expect.stringMatching(/Regenerate the signing secret/) },
    ]);
    expect(await stored()).toMatchObject({ current: made, previous: [{ secret: first }] });
    expect(await stored()).not.toHaveProperty('rotating');
    expect(page.lost).toEqual([]);
    expect(page.refusedAtFirst()).toBeGreaterThan(0);
    expect(receiver.runs.size).toBe(page.sequence);
    expect(new Set(receiver.runs.values())).toEqual(new Set([1]));
    expect(await readdir(directory)).toEqual(['secrets.json']);
    expect(JSON.stringify([report, steps])).not.toContain(made);
  });

  it('asks again for the old secret, for white space and for a wrong one, which never replaces the old one', async () => {
    const { page, first, rotate: run } = await fixture('slack', slack());
    const stopLoad = page.run(20);
    const made = newSecret();
    const wrong = newSecret();
    const answers = [first, '', wrong, made];
    const steps: GuideStep[] = [];
    const report = await run(
      async (step) => {
        steps.push(step);
        if (step.kind === 'choice') {
          expect((await stored()).current).toBe(first);
          return 'enter-again';
        }
        page.signing = [made];
        return answers.shift();
      },
      { waitSeconds: 1.5 },
    );
    await stopLoad();
    expect(steps.map(({ kind, problem = '' }) => [kind, problem.slice(0, 11)])).toEqual([
      ['secret', ''],
      ['secret', 'This is the'],
      ['secret', 'This is not'],
      ['choice', ''],
      ['secret', ''],
    ]);
    expect(report.outcome).toBe('rotated');
    expect(await stored()).toMatchObject({ current: made });
    expect(JSON.stringify(await stored())).not.toContain(wrong);
    expect(page.lost).toEqual([]);
  });

  it('is resumed after a kill: before and after the secret was passed on', async () => {
    const { page, first, rotate: run } = await fixture('slack', slack());
    const stopLoad = page.run(10);
    const made = newSecret();
    // The person regenerates, and the process is killed before the secret is passed on.
    const error = await failure(
      run(async () => {
        page.signing = [made];
        throw new Error('killed');
      }),
    );
    expect(error).toMatchObject({ code: 'ERR_ROTATION_ABORTED', secretState: 'unknown' });
    expect(await stored()).toHaveProperty('rotating');
    // The next run asks for the secret that the page shows, and the person does not regenerate again.
    const texts: string[] = [];
    const aborted = await failure(
      run(
        async (step) => {
          texts.push(step.text);
          if (step.kind === 'choice') throw new Error('killed');
          return made;
        },
        { health: async () => [], waitSeconds: 0.2 },
      ),
    );
    expect(texts[0]).toMatch(/shows now, without making a new one/);
    expect(aborted).toMatchObject({ code: 'ERR_ROTATION_ABORTED' });
    expect(await stored()).toMatchObject({ current: first, next: [made] });
    // Now it is known, and nobody is asked again.
    const report = await run(() => expect.fail('The person was asked again.'));
    await stopLoad();
    expect(report.outcome).toBe('finished');
    expect(await stored()).toMatchObject({ current: made, previous: [{ secret: first }] });
    expect(page.lost).toEqual([]);
  });

  it('leaves everything as it was if the person stops', async () => {
    const { first, rotate: run } = await fixture('slack', slack());
    expect(await failure(run(async () => undefined))).toMatchObject({
      code: 'ERR_ROTATION_ABORTED',
      secretState: 'unchanged',
    });
    const { version: _version, ...set } = await stored();
    expect(set).toEqual({ current: first });
    expect(await readdir(directory)).toEqual(['secrets.json']);
  });

  it('ends when the signal aborts while the person is asked', async () => {
    const { rotate: run } = await fixture('slack', slack());
    const abort = new AbortController();
    const error = await failure(
      run(
        () => {
          abort.abort();
          return new Promise(() => undefined);
        },
        { signal: abort.signal },
      ),
    );
    expect(error.code).toBe('ERR_ROTATION_ABORTED');
  });
});

describe.each([
  ['twilio', twilio(), 'replaced'],
  ['shopify', shopify(), 'replaced'],
  ['docusign', docusign(), 'both'],
] as const)('%s: the new secret is shown first', (sender, scheme, meanwhile) => {
  it('so no delivery is refused, and the person switches over only when all instances have it', async () => {
    const usable = sender === 'twilio' ? shopify() : scheme;
    const { page, receiver, first, rotate: run } = await fixture(sender, usable);
    const stopLoad = page.run(20);
    await delay(200);
    const made = newSecret();
    const kinds: string[] = [];
    const report = await run(async ({ kind }) => {
      kinds.push(kind);
      if (kind === 'secret') {
        if (meanwhile === 'both') page.signing = [first, made];
        return made;
      }
      const keys = (await receiver.health()).flatMap(({ secrets }) => secrets.keys);
      expect(keys.filter(({ role }) => role === 'next')).toHaveLength(2);
      page.signing = [made];
      return 'done';
    });
    await delay(200);
    await stopLoad();
    expect(kinds).toEqual(['secret', 'done']);
    expect(report).toMatchObject({ outcome: 'rotated', order: 'next-first' });
    expect(await stored()).toMatchObject({ current: made, previous: [{ secret: first }] });
    expect(page.refusedAtFirst()).toBe(0);
    expect(page.lost).toEqual([]);
    expect(receiver.runs.size).toBe(page.sequence);
  });

  it('is resumed after a kill with the secret that is published', async () => {
    const usable = sender === 'twilio' ? shopify() : scheme;
    const { page, first, rotate: run } = await fixture(sender, usable);
    const stopLoad = page.run(10);
    const made = newSecret();
    await failure(
      run(async ({ kind }) => {
        if (kind === 'secret') return made;
        throw new Error('killed');
      }),
    );
    expect(await stored()).toMatchObject({ current: first, next: [made] });
    const steps: GuideStep[] = [];
    const report = await run(async (step) => {
      steps.push(step);
      page.signing = [made];
      return 'done';
    });
    await stopLoad();
    expect(steps).toMatchObject([{ kind: 'done', text: expect.stringMatching(/it may be done/) }]);
    expect(report.outcome).toBe('finished');
    expect(await stored()).toMatchObject({ current: made });
    expect(page.refusedAtFirst()).toBe(0);
  });
});

describe('guided()', () => {
  it('knows Clerk and Box, and takes your own description', async () => {
    const ask: Ask = async () => undefined;
    expect(guided({ sender: 'clerk', ask })).toMatchObject({ secret: { prefix: 'whsec_' } });
    expect(clerk().name).toBe('clerk');
    expect(guided({ sender: 'box', ask, endpointId: 'app 1' })).toMatchObject({ endpointId: 'app 1' });
    expect(box().name).toBe('box');
    const own = {
      name: 'own',
      secret: { encoding: 'utf8' },
      order: 'at-once',
      obtain: 'Press the button.',
      isShownAgain: false,
      retriesRefusals: false,
      graceSeconds: 0,
      overlapSeconds: 60,
    } as const;
    expect(guided({ sender: own, ask }).rotateCall).toBe('A person does it: Press the button.');
    expect(() => guided({ sender: { ...own, order: 'shown-first' }, ask })).toThrow(/"switchOver"/);
    expect(() => guided({ sender: 'nobody' as GuidedSender, ask })).toThrow(/"sender"/);
    expect(() => guided({ sender: 'slack' } as Parameters<typeof guided>[0])).toThrow(/"ask"/);
  });
});

describe('askInTerminal()', () => {
  const step: GuideStep = { kind: 'secret', text: 'Make one.', url: 'https://example.com' };
  const { signal } = new AbortController();

  function terminal(): { input: PassThrough; output: PassThrough; shown(): string } {
    const output = new PassThrough();
    let text = '';
    output.on('data', (chunk) => {
      text += String(chunk);
    });
    return { input: new PassThrough(), output, shown: () => text };
  }

  it('shows the step, and never the secret that is typed', async () => {
    const { input, output, shown } = terminal();
    Object.assign(input, { isTTY: true, setRawMode: () => input });
    const ask = askInTerminal({ input, output });
    const answer = ask(step, { signal });
    input.write('a-secret-that-is-typed\r');
    expect(await answer).toBe('a-secret-that-is-typed');
    expect(shown()).toContain('Make one.');
    expect(shown()).toContain('https://example.com');
    expect(shown()).not.toContain('typed');
  });

  it('reads it from a file', async () => {
    const { input, output } = terminal();
    await writeFile(path, 'secret-in-a-file\n');
    const ask = askInTerminal({ input, output, secretFile: path });
    input.write('yes\n');
    expect(await ask(step, { signal })).toBe('secret-in-a-file');
  });

  it('takes lines that were piped in, and stops at an empty line or at the end', async () => {
    const { input, output } = terminal();
    const ask = askInTerminal({ input, output });
    input.end('one-secret\nyes\nno\n\n');
    expect(await ask(step, { signal })).toBe('one-secret');
    expect(await ask({ kind: 'done', text: 'Do it.' }, { signal })).toBe('done');
    expect(await ask({ kind: 'done', text: 'Do it.' }, { signal })).toBeUndefined();
    expect(await ask(step, { signal })).toBeUndefined();
    expect(await ask(step, { signal })).toBeUndefined();
  });

  it('shows choices and what was wrong, and rejects when it is aborted', async () => {
    const { input, output, shown } = terminal();
    const abort = new AbortController();
    const ask = askInTerminal({ input, output });
    const answer = ask(
      { kind: 'choice', text: 'Well?', problem: 'It was wrong.', choices: { wait: 'wait again' } },
      { signal: abort.signal },
    );
    abort.abort();
    await expect(answer).rejects.toThrow();
    expect(shown()).toContain('wait: wait again');
    expect(shown()).toContain('It was wrong.');
  });
});
