// The process under test: every contender of one framework, each on a server of its own. Told by IPC when to read its CPU time.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contenders } from './contenders.ts';
import { frameworks } from './frameworks.ts';

/** What the process says. */
export type ServerNotice = { readonly ports: readonly number[] } | { readonly cpuMicroseconds: number };

async function start(name: string): Promise<void> {
  const framework = frameworks[name];
  if (framework === undefined) throw new Error(`No framework is called ${name}.`);
  const ports: number[] = [];
  for (const contender of contenders) {
    const server = createServer(await contender.mount(framework));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    ports.push((server.address() as AddressInfo).port);
  }
  tell({ ports });
}

function tell(notice: ServerNotice): void {
  process.send?.(notice);
}

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  tell({ cpuMicroseconds: user + system });
});
process.on('disconnect', () => process.exit());
await start(process.argv[2] ?? '');
