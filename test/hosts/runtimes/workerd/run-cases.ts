import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { SuiteResult } from '../suite.ts';
import type { CaseList, CaseRequest } from './cases-worker.ts';
import { createRelay } from './relay.ts';
import { startWorker, type WorkerOptions } from './workerd.ts';

const AT_ONCE = 3;
/** More than the receivers of as many cases. */
const PORTS = 24;

/** Runs the adapter cases in workerd. */
export async function runInWorkerd(
  app: CaseRequest['app'],
  packages: WorkerOptions['packages'] = 'sources',
): Promise<SuiteResult> {
  const relay = createRelay().listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const worker = await startWorker({
    script: new URL('cases-worker.ts', import.meta.url),
    packages,
    ports: PORTS,
  });
  const relayPort = (relay.address() as AddressInfo).port;
  const ask = async (index?: number) => {
    const asked: CaseRequest = {
      app,
      ports: worker.ports,
      relayPort,
      ...(index === undefined ? {} : { index }),
    };
    const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify(asked) });
    return response.text();
  };
  try {
    const { limits, names }: CaseList = JSON.parse(await ask());
    const failures: string[] = [];
    const left = [...names.entries()];
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, name] = next;
        const failure = await ask(index).catch((error: Error) => error.message);
        if (failure !== '') failures.push(`${name}: ${failure}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const run = names.length;
    return { host: `${app} in a Worker`, limits, run, passed: run - failures.length, failures };
  } finally {
    await worker.stop();
    relay.close();
  }
}
