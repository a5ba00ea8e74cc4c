import fsp, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

type Call = (this: unknown, ...args: unknown[]) => Promise<unknown>;

/** What `work` does to files, in its order: opening, writing, flushing, renaming. The calls themselves are made as ever. */
export async function recordFileCalls(work: () => Promise<unknown>): Promise<string[]> {
  const calls: string[] = [];
  const names = new WeakMap<object, string>();
  const undo: (() => void)[] = [];
  const watch = (
    owner: object,
    method: string,
    note: (self: unknown, args: unknown[], result: unknown) => void,
  ): void => {
    const original: Call = Reflect.get(owner, method);
    const watched: Call = async function (...args) {
      const result = await original.apply(this, args);
      note(this, args, result);
      return result;
    };
    Reflect.set(owner, method, watched);
    undo.push(() => void Reflect.set(owner, method, original));
  };
  const nameOf = (handle: unknown): string => names.get(handle as object) ?? 'unknown';

  const probe = await fsp.open('/dev/null');
  const handles: object = Object.getPrototypeOf(probe);
  await probe.close();
  watch(fsp, 'open', (_self, [path], handle) => {
    names.set(handle as FileHandle, basename(String(path)));
    calls.push(`open ${basename(String(path))}`);
  });
  watch(fsp, 'rename', (_self, [from, to]) => {
    calls.push(`rename ${basename(String(from))} ${basename(String(to))}`);
  });
  watch(handles, 'writeFile', (self) => calls.push(`write ${nameOf(self)}`));
  watch(handles, 'chmod', (self, [mode]) => calls.push(`chmod ${nameOf(self)} ${Number(mode).toString(8)}`));
  watch(handles, 'sync', (self) => calls.push(`sync ${nameOf(self)}`));
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    for (const restore of undo) restore();
    syncBuiltinESMExports();
  }
  return calls;
}
