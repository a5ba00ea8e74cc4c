import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type DefinedScheme,
  memoryReplayStore,
  type ReplayStore,
  type SecretSetInput,
  type Verifier,
  type VerifierOptions,
} from '@countersign/core';
import { type ManualClock, type MountedAdapter, manualClock } from '@countersign/testing';
import { expressMount } from '../mounts/express.ts';
import type { ClassicDefinition, ClassicForm } from '../rules.ts';
import { LIMIT_BYTES } from './body-rows.ts';
import { type MatrixRequest, MatrixSender } from './sender.ts';

function classicDefinition({ definition }: DefinedScheme): ClassicDefinition {
  // isClassic() has seen to it.
  return definition as ClassicDefinition;
}

const DAY_MS = 86_400_000;
const PATIENCE_MS = 60_000;
// Most requests get a response sooner, and then no time has passed.
const WAITING_TURNS = 200;

export interface MatrixAnswer {
  readonly status: number;
  readonly body: string;
  /** Everything of it, for searching. */
  readonly raw: string;
}

/** One endpoint of one sender on Express, behind a real socket, with its store and its runs in view. */
export class MatrixFixture {
  readonly sender: MatrixSender;
  readonly steps: string[] = [];
  runs = 0;
  readonly #clock: ManualClock;
  readonly #verifier: Verifier;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #mounted: MountedAdapter | undefined;

  private constructor(
    scheme: DefinedScheme,
    form: ClassicForm,
    createVerifier: (options: VerifierOptions) => Verifier,
  ) {
    this.#clock = manualClock();
    this.sender = new MatrixSender(classicDefinition(scheme), form, this.#clock);
    const listed = secretSet(this.sender);
    let secrets: SecretSetInput = {
      ...listed,
      next: [this.sender.secret('next'), this.sender.secret('removed')],
    };
    this.#verifier = createVerifier({
      scheme,
      secrets: () => secrets,
      replay: counted(memoryReplayStore({ clock: this.#clock }), this.steps),
      clock: this.#clock,
    });
    secrets = listed;
  }

  static async start(
    scheme: DefinedScheme,
    form: ClassicForm,
    createVerifier: (options: VerifierOptions) => Verifier,
  ): Promise<MatrixFixture> {
    const fixture = new MatrixFixture(scheme, form, createVerifier);
    await fixture.#verifier.reload();
    fixture.#mounted = await expressMount(5)({
      verifier: fixture.#verifier,
      options: { maxBodyBytes: LIMIT_BYTES },
      parser: 'none',
      handler: () => {
        fixture.runs += 1;
        return { action: 'respond', status: 200, body: 'handled' };
      },
    });
    return fixture;
  }

  /** Sends a request; `undefined` for one that is broken off. */
  send({ headers, body, framing = 'length' }: MatrixRequest): Promise<MatrixAnswer | undefined> {
    const flat = ['Host', '127.0.0.1', ...headers.flat()];
    flat.push(
      ...(framing === 'chunked' ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(body.length)]),
    );
    const answer = new Promise<MatrixAnswer | undefined>((resolve, reject) => {
      const { port } = this.#mounted ?? {};
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/hooks/case',
        agent: this.#agent,
        headers: flat,
        timeout: PATIENCE_MS,
      });
      request.once('timeout', () => request.destroy(new Error('no response')));
      request.once('error', (error) => (framing === 'truncated' ? resolve(undefined) : reject(error)));
      request.once('response', (response) => resolve(read(response)));
      if (framing !== 'truncated') request.end(body);
      else request.write(body.subarray(0, body.length / 2), () => request.destroy());
    });
    return this.#whileTimePasses(answer);
  }

  /** An unknown signature may wait a moment for a reload that is due soon. */
  async #whileTimePasses<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const watched = work.finally(() => {
      isDone = true;
    });
    watched.catch(() => undefined);
    for (let turns = 0; !isDone; turns++) {
      await delay(1);
      if (turns > WAITING_TURNS) await this.#clock.advance(1);
    }
    return watched;
  }

  /** Waits until what was handled is committed. */
  async settled(commits: number): Promise<void> {
    const isThere = () => this.steps.filter((step) => step === 'commit').length >= commits;
    for (let waited = 0; !isThere() && waited < PATIENCE_MS; waited += 1) await delay(1);
  }

  /** Lets the budget of a refusal status begin again. */
  async nextMinute(): Promise<void> {
    await this.#clock.advance(60_000);
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#mounted?.close();
    await this.#verifier.close();
  }
}

function secretSet(sender: MatrixSender): SecretSetInput {
  const at = (ms: number) => new Date(sender.clock.now() + ms);
  return {
    current: sender.secret('current'),
    previous: [
      { secret: sender.secret('previous'), notAfter: at(DAY_MS) },
      { secret: sender.secret('expired'), notAfter: at(-1) },
    ],
    next: sender.secret('next'),
  };
}

function counted(store: ReplayStore, steps: string[]): ReplayStore {
  const noting = <T>(step: string, result: Promise<T>): Promise<T> => {
    steps.push(step);
    return result;
  };
  return {
    claim: (key, options) => noting('claim', store.claim(key, options)),
    renew: (key, token, leaseMs) => noting('renew', store.renew(key, token, leaseMs)),
    commit: (key, token, options) => noting('commit', store.commit(key, token, options)),
    release: (key, token) => noting('release', store.release(key, token)),
    forget: (key) => noting('forget', store.forget(key)),
  };
}

async function read(response: IncomingMessage): Promise<MatrixAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString('utf8');
  return { status: response.statusCode ?? 0, body, raw: `${response.rawHeaders.join('\n')}\n${body}` };
}
