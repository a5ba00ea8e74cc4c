// One recovery in a process of its own, which stops at a chosen point and waits to be killed. Started by recover/crash.test.ts.
import { writeSync } from 'node:fs';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { SenderAccess } from './recovery-access.ts';

/** What the process is told. */
export interface RecoverOrder {
  readonly access: SenderAccess;
  readonly journal: string;
  readonly to: string;
  readonly since: string;
  /** The call to the system or the network before which it stops, counted from 1; with `after`, the call of the network after which. */
  readonly stop: number;
  readonly after: boolean;
}

/** However the test ends, this process does not outlive it for long. */
const PATIENCE_MS = 120_000;
const order: RecoverOrder = JSON.parse(process.argv[2] ?? '');
let calls = 0;

/** Nothing runs any more until the process is killed. */
function stop(where: string): void {
  writeSync(1, `stopped ${where}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PATIENCE_MS);
  process.kill(process.pid, 'SIGKILL');
}

const counted = <Args extends unknown[], Result>(name: string, call: (...args: Args) => Promise<Result>) =>
  async function (this: unknown, ...args: Args): Promise<Result> {
    // What happens after a call to the system is what happens before the next one. A call of the network may do nothing at all.
    const isCounted = !order.after || name === 'fetch';
    const number = isCounted ? ++calls : 0;
    if (number === order.stop && !order.after) stop(`before ${name}`);
    const result = await call.apply(this, args);
    if (number === order.stop && order.after) stop(`after ${name}`);
    return result;
  };

const own = fsp as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
for (const name of ['open', 'rename', 'rm', 'rmdir', 'unlink', 'mkdir', 'writeFile', 'readFile']) {
  const call = own[name];
  if (call !== undefined) own[name] = counted(name, call);
}
const handle = await fsp.open('/dev/null');
const methods: Record<string, (...args: unknown[]) => Promise<unknown>> = Object.getPrototypeOf(handle);
for (const name of ['appendFile', 'datasync', 'sync']) {
  const call = methods[name];
  if (call !== undefined) methods[name] = counted(name, call);
}
await handle.close();
syncBuiltinESMExports();
globalThis.fetch = counted('fetch', globalThis.fetch);
calls = 0;
// Only now: what is counted has to be in place.
const { recover } = await import('@countersign/rotation');
const { vendorFor } = await import('./recovery-access.ts');

const report = await recover({
  vendor: vendorFor(order.access),
  since: order.since,
  journal: order.journal,
  paceSeconds: 0,
  ...(order.access.name === 'stripe' ? { to: order.to } : {}),
});
writeSync(1, `done ${report.outcome}\n`);
