import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createVerifier, type Verifier } from '@countersign/core';
import { fileSecrets } from '@countersign/core/node';
import { stripe } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { spreadOf } from '../measure/spread.ts';
import { amount, type Table } from '../report/report.ts';

const CHANGES = 12;
const SETTLE_MS = 250;
const GIVE_UP_MS = 60_000;

/** From the moment a file has a new secret to the moment it is accepted: without traffic, and with a delivery that comes at once. */
export async function fileChanges(): Promise<Table> {
  const noticed: number[] = [];
  const accepted: number[] = [];
  const directory = await mkdtemp(join(tmpdir(), 'countersign-bench-reload-'));
  const path = join(directory, 'secret');
  const write = async (secret: string) => {
    await writeFile(`${path}.new`, secret);
    await rename(`${path}.new`, path);
  };
  await write('whsec_the-secret-before-all-changes');
  const verifier = createVerifier({ scheme: stripe(), secrets: fileSecrets(path), observe: () => undefined });
  try {
    await verifier.ready();
    for (let change = 0; change < CHANGES; change++) {
      for (const [times, wait] of [
        [noticed, untilNoticed],
        [accepted, untilAccepted],
      ] as const) {
        await delay(SETTLE_MS);
        const secret = `whsec_secret-number-${crypto.randomUUID()}`;
        const known = keyIds(verifier);
        await write(secret);
        const start = performance.now();
        await wait(verifier, secret, known);
        times.push(performance.now() - start);
      }
    }
  } finally {
    await verifier.close();
    await rm(directory, { recursive: true, force: true });
  }
  return {
    caption: "From a file's change to the new secret's acceptance, ms",
    columns: ['', 'lower quartile', 'median', 'upper quartile', 'longest'],
    rows: [row('without traffic', noticed), row('a delivery signed with it comes at once', accepted)],
  };
}

function row(name: string, times: readonly number[]): string[] {
  const { low, median, high } = spreadOf(times);
  return [name, ...[low, median, high, Math.max(...times)].map(amount)];
}

function keyIds(verifier: Verifier): string {
  return verifier
    .health()
    .secrets.keys.map(({ id }) => id)
    .join();
}

async function untilNoticed(verifier: Verifier, _: string, known: string): Promise<void> {
  await until(async () => keyIds(verifier) !== known);
}

async function untilAccepted(verifier: Verifier, secret: string): Promise<void> {
  await until(async () => {
    const request = sign(stripe(), { secret, body: '{"id":"evt_1"}' });
    return verifier.verify(request).then(
      () => true,
      () => false,
    );
  });
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + GIVE_UP_MS;
  while (!(await is())) {
    if (performance.now() > giveUp) throw new Error('A changed file was not noticed within a minute.');
    await delay(1);
  }
}
