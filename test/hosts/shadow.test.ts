import { once } from 'node:events';
import { type IncomingMessage, request as send } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import { createVerifier, type ShadowReport, type Verifier } from '@countersign/core';
import { createNodeShadow } from '@countersign/core/extend';
import { github, slack } from '@countersign/schemes';
import { sign } from '@countersign/testing';
import { afterAll, afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { listen } from '../support/listen.ts';
import { loadNest } from '../support/mounts/nest-majors.ts';
import {
  bytesOf,
  nestShadowMount,
  type Seen,
  type ShadowMount,
  shadowMounts,
} from '../support/mounts/shadow.ts';

// shadow() on a live endpoint: every request passes, what is behind it reads the body as before, and the operator learns what would be
// refused.

const SECRET = 'a-signing-secret-of-32-characters';
const WRONG = 'another-secret-of-32-characters--';
const nests = await Promise.all(([11, 12] as const).map(loadNest));
afterAll(() => Promise.all(nests.map((nest) => nest.unload())));

const MOUNTS: readonly [string, ShadowMount][] = [
  ...Object.entries(shadowMounts),
  ...nests.flatMap((nest): [string, ShadowMount][] => [
    [`Nest ${nest.major} on Express`, nestShadowMount(() => nest, 'express')],
    [`Nest ${nest.major} on Fastify`, nestShadowMount(() => nest, 'fastify')],
  ]),
];

let warn: MockInstance<typeof process.emitWarning>;
let cleanup: (() => unknown)[] = [];
beforeEach(() => {
  warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterEach(async () => {
  for (const step of cleanup.reverse()) await step();
  cleanup = [];
  vi.restoreAllMocks();
});

function verifierOf(): Verifier {
  const verifier = createVerifier({
    scheme: github(),
    secrets: SECRET,
    endpoint: 'live',
    observe: () => undefined,
  });
  cleanup.push(() => verifier.close());
  return verifier;
}

describe.each(MOUNTS)('%s', (_, mount) => {
  async function live(
    verifier: Verifier | (() => Verifier | undefined) = verifierOf(),
    report: (given: ShadowReport) => unknown = () => undefined,
  ) {
    const seen: Seen[] = [];
    const reports: ShadowReport[] = [];
    const tell = (given: ShadowReport) => {
      reports.push(given);
      return report(given);
    };
    const app = await mount(verifier, tell, (each) => seen.push(each));
    cleanup.push(app.close);
    const post = async (path: string, body: string | Buffer, secret: string | undefined = SECRET) => {
      const signed = sign(github(), { secret, body });
      const type = path === '/json' ? 'application/json' : 'application/octet-stream';
      const headers = { ...(secret === '' ? {} : signed.headers), 'content-type': type };
      const response = await fetch(`http://127.0.0.1:${app.port}${path}`, { method: 'POST', headers, body });
      return [response.status, await response.text()];
    };
    const reported = async (count: number) => {
      await vi.waitFor(() => expect(reports).toHaveLength(count), 60_000);
      return reports;
    };
    return { post, seen, reported, port: app.port };
  }

  it('passes what is genuine, says so, and claims nothing', async () => {
    const { post, seen, reported } = await live();
    for (let n = 0; n < 2; n++) expect(await post('/json', '{"id":1}')).toEqual([200, 'old']);
    expect(await reported(2)).toEqual(
      Array(2).fill(expect.objectContaining({ outcome: 'accepted', endpoint: 'live' })),
    );
    expect(seen.map(({ body }) => body)).toEqual([{ id: 1 }, { id: 1 }]);
    for (const { webhook } of seen) expect(webhook ?? undefined).toBeUndefined();
  });

  it('passes what it would refuse, and says why, without a secret or a body', async () => {
    const { post, seen, reported, port } = await live();
    expect(await post('/json', '{"id":1}', WRONG)).toEqual([200, 'old']);
    const unsigned = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"id":2}' };
    expect((await fetch(`http://127.0.0.1:${port}/json`, unsigned)).status).toBe(200);
    const reports = await reported(2);
    const codes = reports.map(({ outcome, code }) => `${outcome} ${code}`).sort();
    expect(codes).toEqual([
      'refused ERR_WEBHOOK_SIGNATURE_MISMATCH',
      'refused ERR_WEBHOOK_SIGNATURE_MISSING',
    ]);
    for (const { status, message } of reports) expect([status, message]).toEqual([401, expect.any(String)]);
    expect(JSON.stringify(reports)).not.toContain(SECRET);
    expect(JSON.stringify(reports)).not.toContain('{\\"id\\"');
    expect(seen.map(({ body }) => body)).toEqual([{ id: 1 }, { id: 2 }]);
    for (const { webhook } of seen) expect(webhook ?? undefined).toBeUndefined();
  });

  it.each([
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['one byte', Buffer.from([0])],
    ['more than a socket reads at once', Buffer.alloc(900_000, 'ä0')],
  ])('leaves the body as it is: %s', async (_, body) => {
    const { post, seen, reported } = await live();
    expect(await post('/raw', body)).toEqual([200, 'old']);
    expect(Buffer.compare(seen[0]?.body as Buffer, body)).toBe(0);
    expect(await reported(1)).toMatchObject([{ outcome: 'accepted' }]);
  });

  it('passes a body over the limit unchanged, and reports it', async () => {
    const { post, seen, reported } = await live(() =>
      createVerifier({
        scheme: { ...github(), delivery: { ...github().delivery, maxBodyBytes: 1000 } },
        secrets: SECRET,
        observe: () => undefined,
      }),
    );
    const body = Buffer.alloc(300_000, 'x');
    expect(await post('/raw', body)).toEqual([200, 'old']);
    expect(Buffer.compare(seen[0]?.body as Buffer, body)).toBe(0);
    expect(await reported(1)).toMatchObject([{ outcome: 'refused', code: 'ERR_WEBHOOK_BODY_TOO_LARGE' }]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('the report is broken');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('the report is broken');
      },
    ],
    ['never ends', () => new Promise(() => undefined)],
  ])('a report that %s harms no request', async (_, report) => {
    const { post, seen, reported } = await live(verifierOf(), report);
    for (let n = 0; n < 3; n++) expect(await post('/json', `{"id":${n}}`, WRONG)).toEqual([200, 'old']);
    await reported(3);
    expect(seen).toHaveLength(3);
    const failures = warn.mock.calls.filter(([, options]) => JSON.stringify(options).includes('OBSERVER'));
    expect(failures.length).toBeLessThanOrEqual(1);
  });

  it('a function that picks no verifier, or throws, stops no request', async () => {
    const none = await live(() => undefined);
    expect(await none.post('/json', '{"id":1}')).toEqual([200, 'old']);
    expect(await none.reported(1)).toMatchObject([{ outcome: 'refused', endpoint: undefined }]);
    const failing = await live(() => {
      throw new Error('no database');
    });
    expect(await failing.post('/json', '{"id":1}')).toEqual([200, 'old']);
    expect(await failing.reported(1)).toMatchObject([{ outcome: 'unchecked', message: 'no database' }]);
  });

  it('a secret that can not be loaded stops no request', async () => {
    const verifier = createVerifier({
      scheme: github(),
      secrets: () => new Promise(() => undefined),
      observe: () => undefined,
    });
    cleanup.push(() => verifier.close());
    const { post, reported } = await live(verifier);
    expect(await post('/json', '{"id":1}')).toEqual([200, 'old']);
    expect(await reported(1)).toMatchObject([{ outcome: 'refused', code: 'ERR_WEBHOOK_NOT_READY' }]);
  });

  it('warns at start that nothing is enforced', async () => {
    await live();
    expect(warn.mock.calls).toEqual([
      [
        expect.stringMatching(
          /shadow\(\) of @countersign\/\w+ lets every request to "live" pass without verif/,
        ),
        expect.objectContaining({ code: 'COUNTERSIGN_SHADOW' }),
      ],
    ]);
  });

  it('needs a function for the reports', async () => {
    await expect(mount(verifierOf(), undefined as never, () => undefined)).rejects.toMatchObject({
      code: 'ERR_WEBHOOK_CONFIG_INVALID',
    });
  });
});

describe('on a server of Node', () => {
  async function served(handle: (incoming: IncomingMessage, watch: () => void) => Promise<Buffer>) {
    const reports: ShadowReport[] = [];
    const watch = createNodeShadow('shadow()', verifierOf(), (report) => reports.push(report));
    const app = await listen(async (incoming, outgoing) => {
      const body = await handle(incoming, () => watch(incoming, incoming, outgoing));
      outgoing.end(body);
    });
    cleanup.push(app.close);
    const reported = async () => {
      await vi.waitFor(() => expect(reports).toHaveLength(1), 60_000);
      return reports[0];
    };
    return { port: app.port, reported };
  }

  /** Sends a signed body in pieces, each when the socket has taken the one before. */
  async function post(port: number, body: Buffer, pieces = 1): Promise<Buffer> {
    const { headers } = sign(github(), { secret: SECRET, body });
    const call = send({ port, method: 'POST', headers: { ...headers, 'content-length': body.byteLength } });
    const size = Math.ceil(body.byteLength / pieces);
    for (let at = 0; at < body.byteLength; at += size) {
      await new Promise((resolve) => call.write(body.subarray(at, at + size), resolve));
    }
    call.end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    return bytesOf(response);
  }

  const BODY = Buffer.from('{"event":"ping","zen":"ä"}');

  it('sees what has arrived before, for example while other middleware waited', async () => {
    const { port, reported } = await served(async (incoming, watch) => {
      await vi.waitFor(() => expect(incoming.complete).toBe(true), 60_000);
      watch();
      return bytesOf(incoming);
    });
    expect(await post(port, BODY, 3)).toEqual(BODY);
    expect(await reported()).toMatchObject({ outcome: 'accepted' });
  });

  it('does not hold up a reader that decodes', async () => {
    const { port, reported } = await served(async (incoming, watch) => {
      watch();
      incoming.setEncoding('utf8');
      let text = '';
      for await (const chunk of incoming) text += chunk;
      return Buffer.from(text);
    });
    expect(await post(port, BODY, BODY.byteLength)).toEqual(BODY);
    expect(await reported()).toMatchObject({ outcome: 'accepted' });
  });

  it('says that it could not check a body that was read before it', async () => {
    const { port, reported } = await served(async (incoming, watch) => {
      const body = await bytesOf(incoming);
      watch();
      return body;
    });
    expect(await post(port, BODY)).toEqual(BODY);
    expect(await reported()).toMatchObject({ outcome: 'unchecked', code: 'ERR_WEBHOOK_BODY_CONSUMED' });
  });

  it('reads nothing for a route that ignores the body', async () => {
    const { port, reported } = await served(async (_, watch) => {
      watch();
      return Buffer.from('ignored');
    });
    expect((await post(port, Buffer.alloc(2_000_000, 'x'))).toString()).toBe('ignored');
    expect(await reported()).toMatchObject({ outcome: 'unchecked', code: 'ERR_WEBHOOK_BODY_INCOMPLETE' });
  });

  it('works over HTTP/2', async () => {
    const reports: ShadowReport[] = [];
    const watch = createNodeShadow('shadow()', verifierOf(), (report) => reports.push(report));
    const server = createHttp2Server(async (incoming, outgoing) => {
      watch(incoming as never, incoming as never, outgoing as never);
      outgoing.end(await bytesOf(incoming as never));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
    cleanup.push(() => new Promise((resolve) => server.close(resolve)));
    const { headers } = sign(github(), { secret: SECRET, body: BODY });
    const stream = client.request({ ':method': 'POST', ':path': '/', ...headers });
    stream.end(BODY);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(BODY);
    await vi.waitFor(() => expect(reports).toMatchObject([{ outcome: 'accepted' }]), 60_000);
    await new Promise<void>((resolve) => client.close(resolve));
  });

  it('a test of the sender is a handshake, and is not answered', async () => {
    const secret = 'a-slack-signing-secret-of-32-chars';
    const verifier = createVerifier({ scheme: slack(), secrets: secret, observe: () => undefined });
    cleanup.push(() => verifier.close());
    const reports: ShadowReport[] = [];
    const watch = createNodeShadow('shadow()', verifier, (report) => reports.push(report));
    const app = await listen(async (incoming, outgoing) => {
      watch(incoming, incoming, outgoing);
      await bytesOf(incoming);
      outgoing.end('old');
    });
    cleanup.push(app.close);
    const body = '{"type":"url_verification","challenge":"abc"}';
    const { headers } = sign(slack(), { secret, body });
    const url = `http://127.0.0.1:${app.port}/`;
    const type = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers: { ...headers, ...type }, body });
    expect(await response.text()).toBe('old');
    await vi.waitFor(() => expect(reports).toMatchObject([{ outcome: 'handshake' }]), 60_000);
  });
});
