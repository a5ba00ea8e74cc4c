import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifier, type Verifier } from '@countersign/core';
import { readBody } from '@countersign/core/node';
import { isRecoveryError, type RecoveryReport, recover } from '@countersign/rotation';
import { sequenceOf } from '@countersign-internal/simulator';
import type { Recoverable } from './senders.ts';

/** What came of one outage. */
export interface Recovered {
  readonly missed: number;
  /** Missed deliveries that the application handled in the end. */
  readonly recovered: number;
  readonly twice: number;
  /** Calls of the sender's API, all runs taken together, and how many of them read a list. */
  readonly calls: number;
  readonly pages: number;
}

const AROUND = 20;
const MINUTE_MS = 60_000;

/**
 * An application is down for half an hour in which a sender makes `missed` deliveries. Then they are recovered, in one run or, if
 * `stops`, in a run that is stopped half-way and one that goes on.
 */
export async function measureOutage(
  { scheme, start, vendor, needsReceiver }: Recoverable,
  { missed, stops }: { missed: number; stops: boolean },
): Promise<Recovered> {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-bench-recover-'));
  const runs = new Map<number, number>();
  let verifier: Verifier | undefined;
  let isDown = false;
  const server = createServer((request, response) => {
    void (async () => {
      if (isDown || verifier === undefined) return void request.socket.destroy();
      const body = await readBody(request, { maxBodyBytes: 1024 * 1024 });
      const answer = await verifier.handle({ headers: request.rawHeaders, body }, ({ body: bytes }) => {
        const sequence = sequenceOf(bytes) ?? -1;
        runs.set(sequence, (runs.get(sequence) ?? 0) + 1);
      });
      response.writeHead(answer.status, answer.headers).end(answer.body);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const to = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const sender = await start({ receiverUrl: to });
  verifier = createVerifier({ scheme, secrets: sender.secret });
  try {
    const emit = async (count: number, minutesAgo: number, minutes: number) => {
      for (let index = 0; index < count; index++) {
        await sender.emit(new Date(Date.now() - (minutesAgo - (minutes * index) / count) * MINUTE_MS));
      }
    };
    await emit(AROUND, 45, 9);
    isDown = true;
    await emit(missed, 35, 30);
    isDown = false;
    await emit(AROUND, 4, 3);
    await sender.idle();
    const options = {
      vendor: vendor(sender),
      since: new Date(Date.now() - 60 * MINUTE_MS),
      journal: join(directory, 'journal'),
      paceSeconds: 0,
      ...(needsReceiver ? { to } : {}),
    };
    const reports: Pick<RecoveryReport, 'pages'>[] = [];
    if (stops) {
      const stop = new AbortController();
      const onStep = ({ step, done }: { step: string; done: number }) => {
        if (step === 'resent' && done + 1 >= missed / 2) stop.abort();
      };
      await recover({ ...options, signal: stop.signal, onStep }).catch((error: unknown) => {
        if (!isRecoveryError(error) || error.code !== 'ERR_RECOVERY_ABORTED') throw error;
      });
      await sender.idle();
    }
    reports.push(await recover(options));
    await sender.idle();
    const outages = sender
      .events()
      .filter(({ sequence }) => sequence > AROUND && sequence <= AROUND + missed);
    const calls = sender.api.calls();
    return {
      missed,
      recovered: outages.filter(({ sequence }) => runs.has(sequence)).length,
      twice: [...runs.values()].filter((times) => times > 1).length,
      calls: calls.length,
      pages: (reports[0]?.pages ?? 0) * (stops ? 2 : 1),
    };
  } finally {
    await sender.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await verifier.close();
    await rm(directory, { recursive: true, force: true });
  }
}
