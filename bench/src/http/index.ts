import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type SignedRequest, sign } from '@countersign/testing';
import { jsonOfSize } from '../json-of-size.ts';
import { quantile } from '../quantile.ts';
import { contenders } from './contenders.ts';
import { frameworks } from './frameworks.ts';
import { sendAll } from './load.ts';
import type { ServerNotice } from './server.ts';

const SIZES = [
  { name: '1 KiB', bytes: 1024 },
  { name: '16 KiB', bytes: 16 * 1024 },
];
const ROUNDS = 15;
const REQUESTS_PER_ROUND = 400;
const REFERENCE = 1;

/** Webhooks over HTTP on this machine: each framework bare, with our adapter, with code written by hand, with stripe's function. */
export async function http(print: (line: string) => void): Promise<void> {
  print(
    'Webhooks over HTTP: CPU of the server per request in microseconds, and in brackets the multiple of the code written by',
  );
  print('hand (median of the rounds; quartiles behind it); then requests a second over 16 connections.');
  for (const name of Object.keys(frameworks)) {
    const server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [name]);
    try {
      const ports = await portsOf(server);
      const columns: string[][] = [];
      for (const { bytes } of SIZES) columns.push(await measure(server, ports, bytes));
      print('');
      print(`| ${name} | ${SIZES.map((size) => size.name).join(' | ')} |`);
      print(`| --- |${' --- |'.repeat(SIZES.length)}`);
      for (const [row, contender] of contenders.entries()) {
        print(`| ${contender.name} | ${columns.map((column) => column[row]).join(' | ')} |`);
      }
    } finally {
      server.disconnect();
      await once(server, 'exit');
    }
  }
}

async function measure(server: ChildProcess, ports: readonly number[], bytes: number): Promise<string[]> {
  const cpu: number[][] = contenders.map(() => []);
  const rate: number[][] = contenders.map(() => []);
  // The first two rounds warm up.
  for (let round = -2; round < ROUNDS; round++) {
    for (let step = 0; step < contenders.length; step++) {
      const index = (step + round + contenders.length) % contenders.length;
      const requests = signedFor(index, bytes);
      const cpuBefore = await cpuOf(server);
      const start = performance.now();
      await sendAll(ports[index] ?? 0, requests);
      const seconds = (performance.now() - start) / 1000;
      const used = (await cpuOf(server)) - cpuBefore;
      if (round < 0) continue;
      cpu[index]?.push(used / requests.length);
      rate[index]?.push(requests.length / seconds);
    }
  }
  return contenders.map((_, index) => {
    const own = cpu[index] ?? [];
    const ratios = own.map((time, round) => time / (cpu[REFERENCE]?.[round] ?? Number.NaN));
    const [low, middle, high] = [0.25, 0.5, 0.75].map((at) => quantile(ratios, at).toFixed(2));
    const perSecond = quantile(rate[index] ?? [], 0.5).toFixed(0);
    return `${quantile(own, 0.5).toFixed(0)} (${middle}, ${low}-${high}), ${perSecond}/s`;
  });
}

function signedFor(index: number, bytes: number): SignedRequest[] {
  const contender = contenders[index];
  if (contender === undefined) return [];
  const body = jsonOfSize(bytes);
  return Array.from({ length: REQUESTS_PER_ROUND }, () =>
    sign(contender.scheme(), { secret: contender.secret, body }),
  );
}

async function portsOf(server: ChildProcess): Promise<readonly number[]> {
  const [notice] = (await once(server, 'message')) as [ServerNotice];
  if (!('ports' in notice)) throw new Error('The server did not tell its ports.');
  return notice.ports;
}

async function cpuOf(server: ChildProcess): Promise<number> {
  server.send('cpu');
  const [notice] = (await once(server, 'message')) as [ServerNotice];
  if (!('cpuMicroseconds' in notice)) throw new Error('The server did not tell its CPU time.');
  return notice.cpuMicroseconds;
}
