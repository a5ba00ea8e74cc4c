import { Random } from '../random.ts';
import type { VendorEvent, VendorName } from '../simulators.ts';

const FILLER = ['webhook ', 'Zürich ', '✅ ', '“quoted” ', '\u2028', '日本 ', '\\n ', '{"a": [1]} '] as const;

/** The event of a delivery: the same for the same seed, except for the time in it. */
export function eventOf(
  vendor: VendorName,
  seed: number,
  { sequence, bodyBytes }: { readonly sequence: number; readonly bodyBytes: number },
  at: Date,
): VendorEvent {
  const random = new Random(seed, 'event', sequence);
  const { id, type, envelope } = ENVELOPES[vendor](random, at);
  const text = fillerOf(random, bodyBytes);
  return { id, type, sequence, body: Buffer.from(JSON.stringify({ ...envelope, data: { sequence, text } })) };
}

interface Envelope {
  /** What stays the same over the retries. */
  readonly id: string;
  readonly type: string;
  readonly envelope: object;
}

const ENVELOPES: Readonly<Record<VendorName, (random: Random, at: Date) => Envelope>> = {
  langsmith(random, at) {
    const id = random.uuid();
    const type = 'issue.created';
    const created = Math.floor(at.getTime() / 1000);
    return { id, type, envelope: { id, type, created, request_id: random.uuid() } };
  },
  agentMessage(random, at) {
    const id = `evt_${random.uuid()}`;
    const type = 'wallet.balance_low';
    return { id, type, envelope: { id, type, api_version: '2026-04-01', created_at: at.toISOString() } };
  },
  polyai(random, at) {
    const type = 'alerts.triggered';
    const alert = { id: random.uuid(), metric: 'latency_p95_ms', triggered_at: at.toISOString() };
    return { id: random.uuid(), type, envelope: { event_type: type, alert } };
  },
  ada(random, at) {
    const type = 'v1.conversation.message';
    return { id: `msg_${random.hex(27)}`, type, envelope: { type, timestamp: at.toISOString() } };
  },
  anchorBrowser(random, at) {
    const id = `evt_${random.hex(24)}`;
    const type = 'task.completed';
    return { id, type, envelope: { id, type, created: at.toISOString(), project_id: random.uuid() } };
  },
};

function fillerOf(random: Random, bytes: number): string {
  const pieces: string[] = [];
  for (let length = 0; length < bytes; ) {
    const piece = random.pick(FILLER);
    pieces.push(piece);
    length += Buffer.byteLength(piece);
  }
  return pieces.join('');
}
