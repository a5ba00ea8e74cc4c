import { createVerifier, type DefinedScheme } from '@countersign/core';
import { ada, agentMessage, anchorBrowser, langsmith, polyai } from '@countersign/schemes';
import {
  FORGERIES,
  type Forgery,
  forge,
  type SimulatedSender,
  sendForged,
  sequenceOf,
  simulateSender,
  type VendorName,
} from '@countersign-internal/simulator';
import { Webhook } from 'svix';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedReceiver } from '../../support/scripted-receiver.ts';

const VENDORS: VendorName[] = ['langsmith', 'agentMessage', 'polyai', 'ada', 'anchorBrowser'];
const TIMED: VendorName[] = ['agentMessage', 'polyai', 'ada', 'anchorBrowser'];
const HEX_OR_BASE64 = /[0-9a-f]{64}|[A-Za-z0-9+/]{43}=/g;

let receiver: ScriptedReceiver;
let senders: SimulatedSender[];

beforeEach(async () => {
  senders = [];
  receiver = await ScriptedReceiver.start(200);
});

afterEach(async () => {
  await Promise.all(senders.map((sender) => sender.close()));
  await receiver.close();
});

async function start(vendor: VendorName): Promise<SimulatedSender> {
  const signWith = (secret: string, id: string, at: Date, body: string): string =>
    new Webhook(secret).sign(id, at, body);
  const receiverUrl = receiver.url;
  const sender = await simulateSender(
    vendor === 'ada' ? { vendor, signWith, receiverUrl } : { vendor, receiverUrl },
  );
  senders.push(sender);
  sender.emit();
  await sender.idle();
  return sender;
}

/** Sends a forgery, and returns what arrived. */
async function arrived(
  sender: SimulatedSender,
  forgery: Forgery,
): Promise<{ body: Buffer; signature: string; genuine: string; seconds: number }> {
  expect(await sendForged(forge(sender, forgery))).toBe(200);
  const { headers, body } = receiver.last;
  const { account } = sender;
  const signature = String(headers[account.signatureHeader.toLowerCase()] ?? '');
  const id = String(headers['svix-id'] ?? '');
  const seconds = Number(
    headers['svix-timestamp'] ?? headers['x-polyai-timestamp'] ?? /t=(\d+)/.exec(signature)?.[1],
  );
  const genuine = account.digest(sender.secrets().endpoint, { id, body }, seconds);
  return { body, signature, genuine, seconds };
}

const now = (): number => Math.floor(Date.now() / 1000);

describe.each(VENDORS)('forgeries of %s', (vendor) => {
  it.each(FORGERIES.filter((forgery) => forgery !== 'replay'))(
    '%s carries a negative number, so that its effect can be told',
    async (forgery) => {
      const { body } = await arrived(await start(vendor), forgery);
      expect(sequenceOf(body)).toBeLessThan(0);
    },
  );

  it.each(['random-signature', 'wrong-key', 'altered-body'] as const)(
    '%s has the form of a genuine signature and is none',
    async (forgery) => {
      const sender = await start(vendor);
      const { signature, genuine } = await arrived(sender, forgery);
      const form = (text: string): string => text.replace(HEX_OR_BASE64, '…').replace(/\d{10}/, 'time');
      expect(form(signature)).toBe(
        form(String(sender.captured()[0]?.headers[sender.account.signatureHeader])),
      );
      expect(signature.match(HEX_OR_BASE64)).toHaveLength(1);
      expect(signature).not.toContain(genuine);
    },
  );

  it('wrong-key is signed by the formula of the vendor', async () => {
    const sender = await start(vendor);
    const { account } = sender;
    const minted = account.mintSecret();
    const request = forge({ ...sender, account: { ...account, mintSecret: () => minted } }, 'wrong-key');
    const signature = String(request.headers[account.signatureHeader]);
    const id = request.headers['svix-id'] ?? '';
    const seconds = Number(
      request.headers['svix-timestamp'] ??
        request.headers['X-PolyAI-Timestamp'] ??
        /t=(\d+)/.exec(signature)?.[1],
    );
    expect(signature).toContain(account.digest(minted, { id, body: request.body }, seconds));
  });

  it('altered-body has the headers of a genuine request', async () => {
    const sender = await start(vendor);
    const { headers, body } = forge(sender, 'altered-body');
    const [captured] = sender.captured();
    expect(headers).toEqual(captured?.headers);
    expect(body).not.toEqual(captured?.body);
    expect(body.length).toBeGreaterThan(0);
  });

  it('missing-signature is missing only that header', async () => {
    const sender = await start(vendor);
    const { headers } = forge(sender, 'missing-signature');
    const names = Object.keys(sender.captured()[0]?.headers ?? {});
    expect(Object.keys(headers)).toEqual(names.filter((name) => name !== sender.account.signatureHeader));
    expect(names).toContain(sender.account.signatureHeader);
  });

  it('stuffed-signature gets 500 entries past the limits of an HTTP server', async () => {
    const { signature, genuine } = await arrived(await start(vendor), 'stuffed-signature');
    const entries = signature.split(vendor === 'ada' ? ' ' : ',').filter((entry) => !entry.startsWith('t='));
    expect(entries).toHaveLength(500);
    expect(signature).not.toContain(genuine);
  });

  it('replay is a captured request, byte for byte', async () => {
    const sender = await start(vendor);
    const [genuine] = receiver.received;
    await arrived(sender, 'replay');
    expect(receiver.last.body).toEqual(genuine?.body);
    const { connection: _, host: __, ...headers } = receiver.last.headers;
    expect(genuine?.headers).toMatchObject(headers);
  });

  it('stale-replay is genuine', async () => {
    const { signature, genuine } = await arrived(await start(vendor), 'stale-replay');
    expect(signature).toContain(genuine);
  });

  it('has nothing to replay as long as nothing was captured', async () => {
    const sender = await start(vendor);
    const uncaptured = { ...sender, captured: () => [] };
    expect(() => forge(uncaptured, 'replay')).toThrow('captured');
    expect(() => forge(uncaptured, 'altered-body')).toThrow('captured');
  });
});

it.each(TIMED)('a stale replay of %s was signed an hour ago', async (vendor) => {
  const { seconds } = await arrived(await start(vendor), 'stale-replay');
  expect(now() - seconds).toBeGreaterThanOrEqual(3600);
  expect(now() - seconds).toBeLessThan(3700);
});

it('a stale replay of LangSmith was queued a month ago, for it signs no other time', async () => {
  const { body } = await arrived(await start('langsmith'), 'stale-replay');
  const { created } = JSON.parse(body.toString());
  expect(now() - created).toBeGreaterThanOrEqual(30 * 86_400);
});

it('takes the age of a stale replay', async () => {
  const sender = await start('polyai');
  const { headers } = forge(sender, 'stale-replay', { ageSeconds: 301 });
  expect(now() - Number(headers['X-PolyAI-Timestamp'])).toBeGreaterThanOrEqual(301);
  expect(now() - Number(headers['X-PolyAI-Timestamp'])).toBeLessThan(400);
});

it('is checked by the Svix library: of all forgeries of Ada only an immediate replay verifies', async () => {
  const sender = await start('ada');
  const results = FORGERIES.map((forgery) => {
    const { headers, body } = forge(sender, forgery);
    try {
      new Webhook(sender.secrets().endpoint).verify(body, headers);
      return [forgery, 'verified'];
    } catch {
      return [forgery, 'refused'];
    }
  });
  expect(results).toEqual(
    FORGERIES.map((forgery) => [forgery, forgery === 'replay' ? 'verified' : 'refused']),
  );
});

const SCHEMES: Record<VendorName, () => DefinedScheme> = {
  langsmith,
  agentMessage,
  polyai,
  ada,
  anchorBrowser,
};

it.each(VENDORS)('a verifier runs what %s sends, and none of the forgeries', async (vendor) => {
  const sender = await start(vendor);
  const verifier = createVerifier({ scheme: SCHEMES[vendor](), secrets: sender.secrets().endpoint });
  const ran: (number | undefined)[] = [];
  const handleLast = async (): Promise<number> => {
    const { status } = await verifier.handle(receiver.last, ({ body }) => {
      ran.push(sequenceOf(body));
    });
    return status;
  };
  expect(await handleLast()).toBe(204);
  for (const forgery of FORGERIES) {
    await sendForged(forge(sender, forgery));
    if (forgery === 'replay') expect(await handleLast()).toBe(200);
    else expect(await handleLast()).toBeGreaterThanOrEqual(400);
  }
  expect(ran).toEqual([1]);
  await verifier.close();
});

it('tells when no one responses a forgery', async () => {
  const sender = await start('polyai');
  const request = { ...forge(sender, 'random-signature'), url: 'http://127.0.0.1:1/' };
  expect(await sendForged(request)).toBe('transport-error');
});
