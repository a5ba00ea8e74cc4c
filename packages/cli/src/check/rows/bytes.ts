import { withHeader } from '../delivery.ts';
import type { Transport } from '../exchange.ts';
import type { Finding } from '../finding.ts';
import type { Probe } from '../probe.ts';
import type { Row } from '../row.ts';

const WHY =
  'The signature covers the bytes that the sender sent. A receiver that parses them and writes them anew refuses real events whose bytes look otherwise, and accepts bodies that nobody signed.';
const FIX =
  'Verify the raw body before anything parses it: express.raw(), fastify-raw-body, rawBody: true in Nest, request.text() and the like. Never pass JSON.stringify(req.body) to the verification.';

/** A body, with `#` for the id of the delivery. */
type Spelling = (fields: string) => string;

const SPELLINGS: readonly (readonly [name: string, what: string, spell: Spelling])[] = [
  [
    'bytes-spacing',
    'with other white space',
    (fields) => `{\n  ${fields.replace(',', ' ,\t')}  ,"a" : [ 1,2 ]\n}`,
  ],
  [
    'bytes-unicode-escapes',
    'with unicode escapes',
    (fields) => `{${fields},"name":"Andr\\u00e9 \\ud83d\\ude00","quote":"\\u0027"}`,
  ],
  ['bytes-slashes', 'with escaped slashes', (fields) => `{${fields},"url":"https:\\/\\/example.com\\/a"}`],
  [
    'bytes-numbers',
    'with numbers such as 1.0, 1e2 and 9007199254740993',
    (fields) => `{${fields},"amount":1.0,"rate":1e2,"big":9007199254740993}`,
  ],
  [
    'bytes-key-order',
    'whose keys are not in the usual order',
    (fields) => `{"z":1,"10":1,"2":1,${fields},"a":1}`,
  ],
  [
    'bytes-duplicate-keys',
    'with a key that is there twice',
    (fields) => `{"note":"first",${fields},"note":"second"}`,
  ],
  ['bytes-trailing-newline', 'that ends with a line break', (fields) => `{${fields}}\n`],
  [
    'bytes-utf8',
    'with letters that are not ASCII',
    (fields) => `{${fields},"name":"Zoë Größe 東京 😀 \u2028"}`,
  ],
];

const FORMS: readonly (readonly [name: string, what: string, more: string])[] = [
  [
    'form-encoding',
    'a form whose values are percent-encoded in an unusual way',
    '&Text=%e2%9c%85+a%20b%2Bc&Tilde=~*()',
  ],
  ['form-empty-values', 'a form with empty values', '&Empty=&Other='],
  ['form-order', 'a form whose fields are in no order', '&Zulu=1&Alpha=2'],
];

export const byteRows: readonly Row[] = [
  ...SPELLINGS.map(
    ([name, what, spell]): Row => ({
      name,
      group: 'bytes',
      title: `A genuine JSON body ${what} is accepted`,
      severity: 'high',
      why: WHY,
      fix: FIX,
      countsRuns: true,
      judge: (probe) => spelled(probe, spell),
    }),
  ),
  ...FORMS.map(
    ([name, what, more]): Row => ({
      name,
      group: 'bytes',
      title: `A genuine delivery with ${what} is accepted`,
      severity: 'high',
      why: 'The signature covers the form as the sender sent it. A receiver that reads it in another way refuses real events.',
      fix: "Pass the raw form to the verification, or the fields exactly as the sender's own library reads them.",
      countsRuns: true,
      judge: (probe) => withFormFields(probe, more),
    }),
  ),
  {
    name: 'large-body',
    group: 'bytes',
    title: 'A body of 250 kB is accepted',
    severity: 'medium',
    why: 'Parsers stop at 100 kB by default, and senders send more. Those events would be lost.',
    fix: "Raise the limit of the parser to the sender's own.",
    countsRuns: true,
    judge: (probe) => plain(probe, {}, { filler: 'x'.repeat(250_000) }),
  },
  {
    name: 'chunked-body',
    group: 'bytes',
    title: 'A body without a Content-Length (Transfer-Encoding: chunked) is accepted',
    severity: 'medium',
    why: 'Proxies and some senders send bodies in chunks. Those events would be lost.',
    fix: "Read the body through the server's own function until its end, and not as many bytes as Content-Length says.",
    countsRuns: true,
    judge: (probe) => plain(probe, { framing: 'chunked' }),
  },
  {
    name: 'slow-body',
    group: 'bytes',
    title: 'A body that arrives in pieces is accepted',
    severity: 'high',
    why: 'A slow connection cuts the body into pieces. A receiver that verifies the first one refuses the event.',
    fix: 'Collect all pieces of the body before you verify it.',
    countsRuns: true,
    judge: (probe) => plain(probe, { pieces: { count: 4, pauseMs: probe.pauseMs } }),
  },
  {
    name: 'content-type-charset',
    group: 'bytes',
    title: 'A content type with a charset is accepted',
    severity: 'medium',
    why: 'Some senders add "; charset=utf-8", and may begin to do so at any time.',
    fix: 'Compare only the media type, or read the raw body for every content type.',
    countsRuns: true,
    async judge(probe) {
      const delivery = probe.sender.delivery();
      return probe.accepted(withHeader(delivery, 'content-type', (value) => `${value}; charset=utf-8`));
    },
  },
  {
    name: 'expect-continue',
    group: 'bytes',
    title: 'A sender that waits for 100 Continue is served',
    severity: 'low',
    why: 'Clients such as curl and .NET ask before they send a body. Without an answer they wait, or give up.',
    fix: "Let the server answer Expect: 100-continue, as Node's does by default.",
    countsRuns: true,
    judge: (probe) => plain(probe, { expectContinue: true }),
  },
];

async function spelled(probe: Probe, spell: Spelling): Promise<Finding> {
  const { sender } = probe;
  if (sender.bodies.isForm) return undefined;
  const id = sender.nextId();
  // The fields that the sender needs, without the braces around them.
  const body = spell(sender.bodies.make(id).trim().slice(1, -1).trim());
  const delivery = sender.delivery({ id, body });
  // A sender that puts its signature into the body writes the body itself.
  return delivery.body.toString('utf8') === body ? probe.accepted(delivery) : undefined;
}

async function withFormFields(probe: Probe, more: string): Promise<Finding> {
  const { sender } = probe;
  if (!sender.bodies.isForm) return undefined;
  const id = sender.nextId();
  const body = `${sender.bodies.make(id)}${more}`;
  const delivery = sender.delivery({ id, body });
  return delivery.body.toString('utf8') === body ? probe.accepted(delivery) : undefined;
}

async function plain(
  probe: Probe,
  how: Partial<Transport>,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<Finding> {
  const delivery = probe.sender.delivery({ fields });
  if (delivery.method === 'GET') return undefined;
  if (Object.keys(fields).length > 0 && delivery.body.length < 1_000) return undefined;
  return probe.accepted(delivery, how);
}
