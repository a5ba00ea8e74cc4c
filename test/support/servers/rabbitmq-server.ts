import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rabbitmqBinaries } from './binaries.ts';
import { freePort } from './free-port.ts';
import { type LocalServer, startServer } from './local-server.ts';

/** Starts a RabbitMQ of the test's own, with data, cookie, node name and register of nodes that no other RabbitMQ shares. */
export async function startRabbitmq(settings: Readonly<Record<string, number>> = {}): Promise<LocalServer> {
  const binaries = rabbitmqBinaries();
  if (binaries === undefined) throw new Error('No rabbitmq-server in /usr/lib/rabbitmq, or no epmd.');
  const register = await startRegister(binaries.epmd);
  try {
    const broker = await startBroker(binaries.server, register.port, settings);
    return {
      ...{ url: broker.url, host: broker.host, port: broker.port },
      get pid() {
        return broker.pid;
      },
      kill: (signal) => broker.kill(signal),
      restart: () => broker.restart(),
      async stop() {
        await broker.stop();
        await register.stop();
      },
    };
  } catch (error) {
    await register.stop();
    throw error;
  }
}

/** Erlang's register of nodes. RabbitMQ would start one that outlives it. */
async function startRegister(command: string): Promise<LocalServer> {
  return startServer({
    name: 'epmd',
    command,
    args: (port) => ['-debug', '-address', '127.0.0.1', '-port', String(port)],
    url: (port) => `epmd://127.0.0.1:${port}`,
    dir: await mkdtemp(join(await realpath(tmpdir()), 'countersign-epmd-')),
    port: undefined,
    user: undefined,
    ready: /epmd running/,
    portTaken: /already a epmd|in use/i,
    endSignal: 'SIGTERM',
    dropSignal: 'SIGKILL',
  });
}

async function startBroker(
  server: string,
  registerPort: number,
  more: Readonly<Record<string, number>>,
): Promise<LocalServer> {
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'countersign-rabbitmq-'));
  await writeFile(join(dir, '.erlang.cookie'), randomBytes(16).toString('hex'), { mode: 0o400 });
  await writeFile(join(dir, 'enabled_plugins'), '[].\n');
  const distribution = await freePort();
  // As arguments, because the file of settings does not know all of them.
  const extra = Object.entries(more).map(([name, value]) => `-rabbit ${name} ${value}`);
  return startServer({
    name: 'rabbitmq-server',
    // The script gets its settings as variables only, and with the last of these it becomes the server instead of starting it.
    command: 'env',
    args(port) {
      writeFileSync(join(dir, 'rabbitmq.conf'), settings(port));
      return [
        `HOME=${dir}`,
        `RABBITMQ_NODENAME=countersign-${port}@localhost`,
        `RABBITMQ_DIST_PORT=${distribution}`,
        `RABBITMQ_CONF_ENV_FILE=${join(dir, 'none')}`,
        `RABBITMQ_CONFIG_FILE=${join(dir, 'rabbitmq.conf')}`,
        `RABBITMQ_ENABLED_PLUGINS_FILE=${join(dir, 'enabled_plugins')}`,
        `RABBITMQ_MNESIA_BASE=${join(dir, 'data')}`,
        'RABBITMQ_LOGS=-',
        `ERL_EPMD_PORT=${registerPort}`,
        `RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=${['-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}', ...extra].join(' ')}`,
        'RUNNING_UNDER_SYSTEMD=true',
        server,
      ];
    },
    url: (port) => `amqp://127.0.0.1:${port}`,
    dir,
    port: undefined,
    user: undefined,
    ready: /Server startup complete/,
    portTaken: /eaddrinuse/i,
    notYet: /already running/i,
    endSignal: 'SIGTERM',
    dropSignal: 'SIGKILL',
  });
}

/** It neither measures the memory and the disk of this machine nor slows its clients down for their sake. */
function settings(port: number): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    'disk_free_limit.absolute = 1MB',
    'vm_memory_high_watermark.absolute = 1GB',
    'log.console.level = info',
    '',
  ].join('\n');
}
