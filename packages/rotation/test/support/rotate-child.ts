// One rotation in a process of its own, which stops at a chosen point and waits to be killed. Started by crash.test.ts and in-place-crash.test.ts.
import { writeSync } from 'node:fs';
import fsp, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { EndpointAccess } from './endpoint-webhooks.ts';
import type { InPlaceAccess } from './in-place.ts';
import type { WebhookAccess } from './webhooks.ts';

/** What the process is told. */
export interface ChildOrder {
  readonly access: WebhookAccess | InPlaceAccess | EndpointAccess;
  readonly path: string;
  readonly replaces?: number;
  readonly overlapSeconds?: number;
  /** Returns the health of the receivers. Without it, the rotation waits for two poll periods. */
  readonly healthUrl?: string;
  /** The file of the audit. */
  readonly audit?: string;
  /** The step after which it stops. */
  readonly stopAfter?: string;
  /** The call to the system or the vendor before which it stops, counted from 1. */
  readonly stopBefore?: number;
}

/** However the test ends, this process does not outlive it for long. */
const PATIENCE_MS = 120_000;

/** Nothing runs any more, not even what was begun, until the process is killed. */
function stop(where: string): void {
  writeSync(1, `stopped ${where}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PATIENCE_MS);
  process.kill(process.pid, 'SIGKILL');
}

/** Counts every call that leaves a trace outside of this process. */
async function countCalls(stopBefore: number): Promise<void> {
  let calls = 0;
  const counted = <Args extends unknown[], Result>(name: string, call: (...args: Args) => Result) =>
    function (this: unknown, ...args: Args): Result {
      if (++calls === stopBefore) stop(`before ${name}`);
      return call.apply(this, args);
    };
  const own = fsp as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ['open', 'rename', 'rm', 'rmdir', 'unlink', 'mkdir', 'writeFile', 'utimes']) {
    const call = own[name];
    if (call !== undefined) own[name] = counted(name, call);
  }
  const handle = await fsp.open('/dev/null');
  const methods: Record<string, (...args: unknown[]) => unknown> = Object.getPrototypeOf(handle);
  for (const name of ['writeFile', 'sync', 'chmod'] satisfies (keyof FileHandle)[]) {
    const call = methods[name];
    if (call !== undefined) methods[name] = counted(name, call);
  }
  await handle.close();
  syncBuiltinESMExports();
  globalThis.fetch = counted('fetch', globalThis.fetch);
}

const order: ChildOrder = JSON.parse(process.argv[2] ?? '');
if (order.stopBefore !== undefined) await countCalls(order.stopBefore);
// Only now: what is counted has to be in place.
const { fileTarget, rotate } = await import('@countersign/rotation');
const { vendorOf } = await import('./webhooks.ts');
const { IN_PLACE, inPlace } = await import('./in-place.ts');
const { endpointVendor } = await import('./endpoint-webhooks.ts');

const isInPlace = (access: ChildOrder['access']): access is InPlaceAccess =>
  Object.hasOwn(IN_PLACE, access.name);

const vendorFor = (access: ChildOrder['access']) => {
  if (isInPlace(access)) return inPlace(access.name).vendor(access);
  return 'adminApiKey' in access ? vendorOf(access) : endpointVendor(access);
};

const { healthUrl } = order;
const report = await rotate({
  vendor: vendorFor(order.access),
  target: fileTarget(order.path),
  pollSeconds: 0.1,
  ...(healthUrl === undefined
    ? {}
    : { waitSeconds: 60, health: async () => JSON.parse(await (await fetch(healthUrl)).text()) }),
  ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
  ...(order.overlapSeconds === undefined ? {} : { overlapSeconds: order.overlapSeconds }),
  ...(order.audit === undefined ? {} : { audit: order.audit }),
  onStep: ({ step }) => {
    if (step === order.stopAfter) stop(`after ${step}`);
  },
});
writeSync(1, `done ${report.outcome}\n`);
