import { createServer as createWebServer } from 'node:http';
import { type AddressInfo, createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { manualClock } from '@countersign/testing';
import { type Fault, type FaultProxy, faultProxy } from '@countersign-internal/simulator';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../support/servers/free-port.ts';

const BIG = Buffer.alloc(5_000_000, 'abcdefgh');

/** One end of a connection, and what came there. */
class End {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  ended = false;
  closed = false;
  error: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code;
    });
  }

  get text(): string {
    return this.received.toString();
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }
}

const clock = manualClock();
let target: Server;
let accepted: End[];
let clients: End[];
let proxy: FaultProxy;

beforeEach(async () => {
  accepted = [];
  clients = [];
  target = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(new End(socket));
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  proxy = await faultProxy({ target: targetAddress(), clock });
});

afterEach(async () => {
  for (const { socket } of [...clients, ...accepted]) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => target.close(resolve));
});

function targetAddress(): { host: string; port: number } {
  const address = target.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: '127.0.0.1', port: address.port };
}

function knock(): End {
  const client = new End(dial({ port: proxy.port, host: proxy.host, allowHalfOpen: true }));
  clients.push(client);
  return client;
}

/** A connection through the proxy, seen from both ends. */
async function connection(): Promise<{ client: End; server: End }> {
  const known = accepted.length;
  const client = knock();
  const server = await vi.waitUntil(() => accepted[known]);
  return { client, server };
}

/** Until `seen` holds. */
async function until(seen: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(seen()).toBe(true), { timeout: 10_000, interval: 2 });
}

/** Something sent afterwards on another connection has gone the whole way: if the first could arrive, it would have. */
async function roundTrip(): Promise<void> {
  const { client, server } = await connection();
  client.socket.end();
  await until(() => server.ended);
  server.socket.end();
  await until(() => client.ended);
  await turn();
}

describe('without a fault', () => {
  it('passes every byte both ways, and the end of each way by itself', async () => {
    const { client, server } = await connection();
    client.send(BIG);
    client.socket.end('last');
    await until(() => server.ended);
    expect(server.received.equals(Buffer.concat([BIG, Buffer.from('last')]))).toBe(true);

    server.send(BIG);
    server.socket.end('reply');
    await until(() => client.ended);
    expect(client.received.equals(Buffer.concat([BIG, Buffer.from('reply')]))).toBe(true);
    await until(() => proxy.stats().open === 0);
    expect(proxy.stats()).toMatchObject({
      accepted: 1,
      cut: 0,
      passedBytes: { requests: BIG.length + 4, replies: BIG.length + 5 },
    });
  });

  it('holds a sender back whose receiver does not read', async () => {
    const { client, server } = await connection();
    server.socket.pause();
    let sent = 0;
    while (sent < 200 * BIG.length && client.socket.write(BIG)) sent += BIG.length;
    await until(() => client.socket.writableNeedDrain);
    await roundTrip();
    expect(proxy.stats().passedBytes.requests).toBeLessThan(BIG.length);
    server.socket.resume();
    await until(() => server.received.length >= BIG.length);
  });

  it('tells the client if the target breaks off or is not there', async () => {
    const { client, server } = await connection();
    server.socket.resetAndDestroy();
    await until(() => client.closed);
    expect(client.error).toBe('ECONNRESET');

    await using lonely = await faultProxy({ target: { host: '127.0.0.1', port: await freePort() } });
    const unanswered = new End(dial(lonely.port, lonely.host));
    await until(() => unanswered.closed);
    expect(unanswered.error).toBe('ECONNRESET');
  });
});

describe('a cut', () => {
  it('of requests comes before the request arrives', async () => {
    const { client, server } = await connection();
    proxy.fault('requests', { type: 'cut' });
    client.send('SET a 1');
    await until(() => client.closed && server.closed);
    expect(client.error).toBe('ECONNRESET');
    expect(server.error).toBe('ECONNRESET');
    expect(server.text).toBe('');
  });

  it('of replies comes after the request arrived, and before its reply does', async () => {
    const { client, server } = await connection();
    proxy.fault('replies', { type: 'cut' });
    client.send('SET a 1');
    await until(() => server.text === 'SET a 1');
    expect(client.closed).toBe(false);
    server.send('OK');
    await until(() => client.closed && server.closed);
    expect(client.error).toBe('ECONNRESET');
    expect(client.text).toBe('');
    expect(proxy.stats().cut).toBe(1);
  });

  it('comes after as many bytes as it is told', async () => {
    const { client, server } = await connection();
    proxy.fault('replies', { type: 'cut', how: 'end', afterBytes: 5 });
    server.send('123');
    await until(() => client.text === '123');
    server.send('45');
    await until(() => client.text === '12345');
    expect(client.ended).toBe(false);
    server.send('678');
    await until(() => client.ended);
    expect(client.text).toBe('12345');
  });

  it('can end the connection in good order', async () => {
    const { client, server } = await connection();
    proxy.fault('requests', { type: 'cut', how: 'end' });
    client.send('SET a 1');
    await until(() => client.ended && server.ended);
    expect([client.error, server.error, server.text]).toEqual([undefined, undefined, '']);
    client.socket.end();
    server.socket.end();
    await until(() => proxy.stats().open === 0);
  });

  it('can end one direction only, and the other goes on', async () => {
    const { client, server } = await connection();
    proxy.fault('requests', { type: 'cut', how: 'half-close' });
    client.send('SET a 1');
    await until(() => server.ended);
    server.send('still here');
    await until(() => client.text === 'still here');
    expect(server.text).toBe('');
    expect(client.ended).toBe(false);
  });

  it('happens to every connection, or once', async () => {
    proxy.fault('requests', { type: 'cut', once: true });
    for (const survives of [false, true, true]) {
      const { client, server } = await connection();
      client.send('PING');
      await until(() => (survives ? server.text === 'PING' : client.closed));
    }
    proxy.fault('requests', { type: 'cut' });
    for (let round = 0; round < 3; round++) {
      const { client } = await connection();
      client.send('PING');
      await until(() => client.closed);
    }
  });

  it('can be made at once', async () => {
    const first = await connection();
    proxy.cut('half-close', 'replies');
    await until(() => first.client.ended);
    first.client.send('heard');
    await until(() => first.server.text === 'heard');
    const second = await connection();
    proxy.cut();
    await until(() => second.client.closed && second.server.closed && first.server.closed);
    expect(second.client.error).toBe('ECONNRESET');
    // It has read the end of the replies, so it reads no more, and learns of it when it writes.
    first.client.send('heard?');
    await until(() => first.client.closed);
  });
});

describe('a delay', () => {
  it('keeps every piece back for its time, in order, and no longer', async () => {
    const { client, server } = await connection();
    proxy.fault('replies', { type: 'delay', delayMs: 200 });
    client.send('request');
    await until(() => server.text === 'request');
    server.send('one');
    await until(() => clock.pending() === 1);
    await clock.advance(150);
    server.send('two');
    await roundTrip();
    await clock.advance(49);
    await roundTrip();
    expect(client.text).toBe('');
    await clock.advance(1);
    await until(() => client.text === 'one');
    await clock.advance(149);
    await roundTrip();
    expect(client.text).toBe('one');
    await clock.advance(1);
    await until(() => client.text === 'onetwo');
  });

  it('ends when the fault is taken away', async () => {
    const { client, server } = await connection();
    proxy.fault('requests', { type: 'delay', delayMs: 86_400_000 });
    client.send('request');
    await until(() => clock.pending() === 1);
    await proxy.heal();
    await until(() => server.text === 'request');
    expect(clock.pending()).toBe(0);
  });
});

describe('a black hole', () => {
  it('takes requests, and their end, and never responds', async () => {
    const { client, server } = await connection();
    proxy.fault('requests', { type: 'black-hole' });
    client.send('request');
    client.socket.end();
    await until(() => proxy.stats().swallowedBytes.requests === 7);
    await turn();
    expect([server.text, server.ended, client.ended, client.closed]).toEqual(['', false, false, false]);
  });

  it('takes replies only', async () => {
    const { client, server } = await connection();
    proxy.fault('replies', { type: 'black-hole' });
    client.send('request');
    await until(() => server.text === 'request');
    server.send('reply');
    await until(() => proxy.stats().swallowedBytes.replies === 5);
    await proxy.heal();
    server.send('next');
    await until(() => client.text === 'next');
  });
});

it('trickles', async () => {
  const { client, server } = await connection();
  proxy.fault('requests', { type: 'trickle', bytes: 3, intervalMs: 10 });
  client.send('abcdefgh');
  await until(() => server.text === 'abc');
  await until(() => clock.pending() === 1);
  await clock.advance(9);
  await replyTrip();
  expect(server.text).toBe('abc');
  await clock.advance(1);
  await until(() => server.text === 'abcdef');
  await until(() => clock.pending() === 1);
  await clock.advance(10);
  await until(() => server.text === 'abcdefgh');
});

/** Something sent afterwards the other way, which is free of faults, has arrived. */
async function replyTrip(): Promise<void> {
  const { client, server } = await connection();
  server.send('seen');
  await until(() => client.text === 'seen');
}

it('refuses new connections, keeps the open ones, and takes new ones on the same port when healed', async () => {
  const { port } = proxy;
  const { client, server } = await connection();
  await proxy.refuse();
  const refused = knock();
  await until(() => refused.closed);
  expect(refused.error).toBe('ECONNREFUSED');
  client.send('still here');
  await until(() => server.text === 'still here');

  await proxy.heal();
  expect(proxy.port).toBe(port);
  const { client: later, server: reached } = await connection();
  later.send('hello');
  await until(() => reached.text === 'hello');
});

it('sends new connections elsewhere when it is redirected, and the open ones not', async () => {
  const { client, server } = await connection();
  await using elsewhere = await faultProxy({ target: targetAddress() });
  proxy.redirect(elsewhere);
  const { client: later, server: reached } = await connection();
  client.send('old');
  later.send('new');
  await until(() => server.text === 'old' && reached.text === 'new');
  expect(elsewhere.stats()).toMatchObject({ accepted: 1, passedBytes: { requests: 3 } });
  expect(() => proxy.redirect({ host: '127.0.0.1' } as never)).toThrow(/target must be/);
});

it('leaves nothing open, and no timer, when it is closed', async () => {
  const { client, server } = await connection();
  proxy.fault('requests', { type: 'delay', delayMs: 1000 });
  client.send('request');
  await until(() => clock.pending() === 1);
  await proxy.close();
  await until(() => client.closed && server.closed);
  expect(proxy.stats().open).toBe(0);
  expect(clock.pending()).toBe(0);
  const late = knock();
  await until(() => late.error === 'ECONNREFUSED');
});

it('is closed in the middle of the end of a connection', async () => {
  // HTTP with "Connection: close": the server ends, then the client.
  const web = createWebServer((_, response) => {
    response.writeHead(200, { Connection: 'close' }).end('{}');
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const { port } = web.address() as AddressInfo;
  for (let round = 0; round < 20; round++) {
    const own = await faultProxy({ target: { host: '127.0.0.1', port } });
    for (let request = 0; request < 3; request++) {
      expect(await (await fetch(`http://127.0.0.1:${own.port}/`)).text()).toBe('{}');
    }
    await own.close();
    expect(own.stats().open).toBe(0);
  }
  await new Promise((resolve) => web.close(resolve));
});

it('can be cut, and closed, in the moment in which a connection ends', async () => {
  const { server } = await connection();
  proxy.cut('half-close', 'replies');
  proxy.cut();
  await until(() => server.closed && proxy.stats().open === 0);
  await proxy.close();
});

it.each<[string, Record<string, unknown>]>([
  ['an unknown fault', { type: 'rain' }],
  ['no fault', {}],
  ['a negative delay', { type: 'delay', delayMs: -1 }],
  ['a delay that is not a number', { type: 'delay', delayMs: Number.NaN }],
  ['a delay without its time', { type: 'delay' }],
  ['a trickle of nothing', { type: 'trickle', bytes: 0, intervalMs: 1 }],
  ['a trickle of half a byte', { type: 'trickle', bytes: 1.5, intervalMs: 1 }],
  ['a cut of no kind', { type: 'cut', how: 'gently' }],
  ['a cut before the start', { type: 'cut', afterBytes: -1 }],
])('refuses %s', (_, fault) => {
  expect(() => proxy.fault('requests', fault as unknown as Fault)).toThrow(
    expect.objectContaining({ code: 'ERR_WEBHOOK_CONFIG_INVALID' }),
  );
});

it('refuses directions and targets that are none', async () => {
  expect(() => proxy.fault('sideways' as 'replies', { type: 'black-hole' })).toThrow(
    /"requests" or "replies"/,
  );
  await expect(faultProxy({} as never)).rejects.toThrow(/target must be/);
  await expect(faultProxy({ target: { host: '127.0.0.1' } } as never)).rejects.toThrow(/target must be/);
});
