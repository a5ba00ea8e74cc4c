import type { CauseCode, ExplainOptions } from '@countersign/explain';
import { BODY_SENDERS, bodyOf, type Captured, captured, NOW, type Sender, URL_SENDERS } from './senders.ts';

/** One mistake, made with many senders. */
export interface Mistake {
  /** The number of the cause in the list of causes that people report, and what was done. */
  name: string;
  /** The codes that name the mistake rightly. */
  code: CauseCode | readonly CauseCode[];
  senders: readonly Sender[];
  /** @param index Counts the senders, so that a mistake can be made in several ways. */
  make(sender: Sender, index: number): Promise<ExplainOptions>;
}

const at = (seconds: number) => new Date(seconds * 1000);

/** The setup of a receiver without a mistake, and what is changed in it. */
export function setup(
  sender: Sender,
  request: Captured,
  changes: Partial<ExplainOptions> = {},
): ExplainOptions {
  return {
    scheme: sender.scheme,
    secrets: sender.secret,
    ...(sender.address === undefined ? {} : { publicUrl: sender.address }),
    request,
    receivedAt: at(NOW + 2),
    ...changes,
  };
}

const TIMED = [...BODY_SENDERS, ...URL_SENDERS].filter(({ time }) => time !== undefined);
const ALL = [...BODY_SENDERS, ...URL_SENDERS];
/** They sign protocol, host and port. */
const ORIGIN_SENDERS = URL_SENDERS.filter(({ signsPathOnly }) => signsPathOnly !== true);
const JSON_SENDERS = ALL.filter(({ form }) => form !== true);

/** Signs one body, and delivers another. */
async function changed(
  sender: Sender,
  signed: string | Buffer,
  change: (body: Buffer) => string | Buffer,
  changes: Partial<ExplainOptions> = {},
): Promise<ExplainOptions> {
  const request = await captured(sender, { body: signed });
  return setup(sender, { ...request, body: Buffer.from(change(request.body) as string) }, changes);
}

const withSecret = (
  name: string,
  code: CauseCode,
  spoil: (secret: string, index: number, sender: Sender) => ExplainOptions['secrets'],
  senders = ALL,
): Mistake => ({
  name,
  code,
  senders,
  make: async (sender, index) =>
    setup(sender, await captured(sender), { secrets: spoil(sender.secret, index, sender) }),
});

const withHeaders = (
  name: string,
  code: Mistake['code'],
  spoil: (
    headers: Record<string, string>,
    sender: Sender,
    index: number,
  ) => ExplainOptions['request']['headers'],
  senders: readonly Sender[] = ALL,
): Mistake => ({
  name,
  code,
  senders,
  async make(sender, index) {
    const request = await captured(sender);
    return setup(sender, request, {
      request: { ...request, headers: spoil({ ...request.headers }, sender, index) },
    });
  },
});

const value = (sender: Sender) => JSON.parse(bodyOf(sender));
const pretty = (spaces: number | string) => (sender: Sender) => JSON.stringify(value(sender), null, spaces);
const ascii = (json: string) =>
  json.replace(/[\x80-\uffff]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
const spaced = (node: unknown): string => {
  if (Array.isArray(node)) return `[${node.map(spaced).join(', ')}]`;
  if (node === null || typeof node !== 'object') return JSON.stringify(node);
  const members = Object.entries(node).map(([name, each]) => `${JSON.stringify(name)}: ${spaced(each)}`);
  return `{${members.join(', ')}}`;
};

/** How senders write the JSON that receivers then write anew with JSON.stringify(). */
const WRITTEN: readonly ((sender: Sender) => string)[] = [
  pretty(2),
  (sender) => ascii(spaced(value(sender))),
  (sender) => ascii(JSON.stringify(value(sender))).replace(/\//g, '\\/'),
  pretty(4),
  (sender) => JSON.stringify(value(sender)).replace(/[<>&]/g, (each) => ascii2(each)),
  (sender) => JSON.stringify(value(sender)).replace(/\//g, '\\/'),
  (sender) => ascii(JSON.stringify(value(sender))),
  pretty('\t'),
  (sender) => spaced(value(sender)),
  (sender) => `${JSON.stringify(value(sender))}\n`,
];
const ascii2 = (each: string) => `\\u00${each.charCodeAt(0).toString(16)}`;

const urlMistake = (
  part: string,
  code: CauseCode,
  spoil: (
    address: URL,
    index: number,
  ) => { given: string; request?: Partial<Captured>; headers?: Record<string, string> },
  signedUrl: (address: string) => string = (address) => address,
  senders: readonly Sender[] = URL_SENDERS,
): Mistake => ({
  name: `15 the address: ${part}`,
  code,
  senders,
  async make(sender, index) {
    const address = signedUrl(sender.address ?? '');
    const genuine = await captured(sender, { url: address });
    const { given, request = {}, headers = {} } = spoil(new URL(address), index);
    return setup(
      sender,
      { ...genuine, ...request, headers: { ...genuine.headers, ...headers } },
      { publicUrl: given },
    );
  },
});

/** The API keys that people paste where the signing secret belongs. Made up. */
const API_KEYS = [
  'sk_test_51HqJx2AbCdEfGhIjKlMnOpQr',
  'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
  'xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy',
  'shpat_0123456789abcdef0123456789abcdef',
  'lin_api_0123456789abcdefghijklmnopqrstuv',
  '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',
  'AC0123456789abcdef0123456789abcdef',
  'pat-na1-01234567-89ab-cdef-0123-456789abcdef',
  'rk_live_51HqJx2AbCdEfGhIjKlMnOpQr',
  'sk-proj-0123456789abcdefghijklmnop',
];

export const MISTAKES: readonly Mistake[] = [
  {
    name: '1 JSON parsed and written anew, the sender writes otherwise',
    code: ['body-reserialized', 'body-extra-newline'],
    senders: JSON_SENDERS,
    make: (sender, index) =>
      changed(sender, WRITTEN[index % WRITTEN.length]?.(sender) ?? '', (body) =>
        JSON.stringify(JSON.parse(body.toString())),
      ),
  },
  {
    name: '1 JSON parsed and printed with spaces',
    code: 'body-reserialized',
    senders: JSON_SENDERS,
    make: (sender, index) =>
      changed(sender, bodyOf(sender), (body) =>
        JSON.stringify(JSON.parse(body.toString()), null, [2, 4, '\t', 1][index % 4]),
      ),
  },
  {
    name: '2 an empty body, read by something before',
    code: 'body-empty',
    senders: JSON_SENDERS,
    make: (sender) => changed(sender, bodyOf(sender), () => ''),
  },
  withSecret("3 another endpoint's secret", 'secret-or-body', (_, _index, { otherSecret }) => otherSecret),
  withSecret('4 the secret of a command-line tool', 'secret-or-body', (secret, _, { otherSecret }) =>
    secret.startsWith('whsec_') ? otherSecret : `${otherSecret.slice(0, -6)}c11c11`,
  ),
  withSecret('5 an API key', 'secret-api-key', (_, index) => API_KEYS[index % API_KEYS.length] ?? ''),
  withSecret('6 the secret of test mode', 'secret-or-body', (_, index, { otherSecret }) => ({
    current: otherSecret,
    previous: [otherSecret.replace(/.(.)$/, (end) => [...end].reverse().join(''))].slice(0, index % 2),
  })),
  withSecret(
    '7 white space',
    'secret-whitespace',
    (secret, index) =>
      [
        `${secret}\n`,
        ` ${secret}`,
        `${secret} `,
        `${secret}\r\n`,
        `${secret.slice(0, 20)} ${secret.slice(20)}`,
      ][index % 5] ?? '',
  ),
  withSecret(
    '8 quotation marks',
    'secret-quotes',
    (secret, index) => [`"${secret}"`, `'${secret}'`, `“${secret}”`][index % 3] ?? '',
  ),
  withSecret('9 a prefix that is missing or too much', 'secret-prefix', (secret, index, { scheme }) => {
    if (scheme.name === 'stripe') return secret.slice('whsec_'.length);
    if (secret.startsWith('whsec_')) return `v1,${secret}`;
    return [`whsec_${secret}`, `sha256=${secret}`, `sec_${secret}`][index % 3] ?? '';
  }),
  withSecret('10 the secret encoded as base64 again', 'secret-encoding', (secret) =>
    Buffer.from(secret).toString('base64'),
  ),
  withSecret('10 the secret decoded, or written as hex', 'secret-encoding', (secret, index) => {
    if (secret.startsWith('whsec_')) return Buffer.from(secret).toString('hex');
    return index % 2 === 0 ? Buffer.from(secret, 'hex') : Buffer.from(secret).toString('hex');
  }),
  withSecret(
    '11 the sender still signs with the old secret',
    'secret-previous',
    (secret, _, { otherSecret }) => ({
      current: otherSecret,
      previous: { secret, notAfter: at(NOW - 3600) },
    }),
  ),
  withSecret(
    'the secret is a placeholder',
    'secret-placeholder',
    (_, index) =>
      ['your-webhook-secret-here', '%WEBHOOK_SECRET%', 'changeme', '[object Object]', 'undefined'][
        index % 5
      ] ?? '',
  ),
  {
    name: '12 the clock: this machine is behind',
    code: 'clock-skew',
    senders: TIMED,
    make: async (sender, index) =>
      setup(sender, await captured(sender), {
        receivedAt: at(NOW - (index % 2 === 0 ? 400 : 3600 * (index + 1))),
      }),
  },
  {
    name: '12 the clock: local time taken for UTC',
    code: 'clock-skew',
    senders: TIMED,
    make: async (sender, index) =>
      setup(sender, await captured(sender), {
        receivedAt: at(NOW + 1800 * (2 + (index % 10)) + 3),
      }),
  },
  {
    name: '13 verified after it waited, or replayed by a tool',
    code: 'verified-too-late',
    senders: TIMED,
    make: async (sender, index) =>
      setup(sender, await captured(sender), {
        receivedAt: at(NOW + (index % 2 === 0 ? 86_400 * 3 : 1000 + 60 * index)),
      }),
  },
  {
    name: '14 seconds and milliseconds',
    code: 'timestamp-unit',
    senders: TIMED,
    async make(sender) {
      const time = sender.time === 's' ? `${NOW}000` : String(NOW);
      return setup(sender, await captured(sender, { time }));
    },
  },
  urlMistake(
    'http behind a proxy',
    'url-scheme',
    (url) => ({ given: url.href.replace('https:', 'http:'), headers: { 'x-forwarded-proto': 'https' } }),
    undefined,
    ORIGIN_SENDERS,
  ),
  urlMistake(
    'the host behind a proxy',
    'url-host',
    (url, index) => ({
      given: url.href.replace(url.host, ['internal.example.net', 'www.hooks.example.com'][index % 2] ?? ''),
      headers: index % 2 === 0 ? { host: 'internal.example.net', 'x-forwarded-host': url.host } : {},
    }),
    undefined,
    ORIGIN_SENDERS,
  ),
  urlMistake(
    'a port',
    'url-port',
    (url, index) => ({
      given: url.href.replace(url.host, `${url.hostname}:${[8443, 3000][index % 2]}`),
    }),
    undefined,
    ORIGIN_SENDERS,
  ),
  urlMistake('the path', 'url-path', (url, index) => ({
    given: [`${url.href}/`, url.href.replace('/in/', '/'), url.href.replace('/in/', '/v1/')][index % 3] ?? '',
  })),
  urlMistake(
    'the query',
    'url-query',
    (url, index) => ({
      given: url.href.split('?')[0] ?? '',
      request: {
        url: `${url.pathname}${['?b=x+y&a=1', '', '?b=x%20y&a=1&extra=1', '?a=1&b=x%20y'][index % 3]}`,
      },
      headers: index % 3 === 1 ? { 'x-original-uri': `${url.pathname}${url.search}` } : {},
    }),
    (address) => `${address}?b=x%20y&a=1`,
    URL_SENDERS.filter(({ bodyIsFree }) => bodyIsFree !== true),
  ),
  {
    name: '16 a proxy changes the line breaks',
    code: 'body-line-endings',
    senders: JSON_SENDERS,
    make: (sender, index) => {
      const crlf = pretty(2)(sender).replace(/\n/g, '\r\n');
      return index % 2 === 0
        ? changed(sender, crlf, (body) => body.toString().replace(/\r\n/g, '\n'))
        : changed(sender, pretty(2)(sender), (body) => body.toString().replace(/\n/g, '\r\n'));
    },
  },
  {
    name: '16 a line break at the end of the body',
    code: 'body-extra-newline',
    senders: JSON_SENDERS,
    make: (sender, index) =>
      index % 2 === 0
        ? changed(sender, bodyOf(sender), (body) => `${body}\n`)
        : changed(sender, `${bodyOf(sender)}\n`, (body) => body.toString().trimEnd()),
  },
  {
    name: 'the body is cut off',
    code: 'body-truncated',
    senders: JSON_SENDERS,
    make: (sender, index) =>
      changed(sender, bodyOf(sender), (body) => body.subarray(0, body.length - 1 - (index % 7) * 9)),
  },
  {
    name: '17 the body is still base64',
    code: 'body-base64',
    senders: JSON_SENDERS,
    make: (sender) => changed(sender, bodyOf(sender), (body) => body.toString('base64')),
  },
  {
    name: '18 the host parsed first',
    code: 'body-reserialized',
    senders: JSON_SENDERS,
    make: (sender, index) =>
      changed(sender, WRITTEN[8]?.(sender) ?? '', (body) =>
        index % 2 === 0 ? '[object Object]' : JSON.stringify(JSON.parse(body.toString())),
      ),
  },
  {
    name: '19 bytes decoded to text, reversibly',
    code: 'body-charset',
    senders: JSON_SENDERS,
    make: (sender, index) =>
      index % 3 === 0
        ? changed(sender, bodyOf(sender), (body) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]))
        : changed(sender, bodyOf(sender), (body) => body.toString('latin1')),
  },
  {
    name: '19 bytes decoded to text, with losses',
    code: 'body-charset',
    senders: JSON_SENDERS,
    make: (sender) =>
      changed(sender, Buffer.from(JSON.stringify({ id: 'evt_1', note: 'größer' }), 'latin1'), (body) =>
        body.toString('utf8'),
      ),
  },
  {
    name: '20 hex and base64',
    code: 'signature-encoding',
    senders: [...BODY_SENDERS, ...URL_SENDERS].filter(
      ({ scheme }) => !['hubspot-v2', 'twilio'].includes(scheme.name),
    ),
    async make(sender) {
      const hex = JSON.stringify(sender.scheme.definition.signed).includes('"encoding":"hex');
      return setup(sender, await captured(sender, { encoding: hex ? 'base64' : 'hex' }));
    },
  },
  withHeaders('21 a header renamed', 'header-renamed', (headers, { needs }, index) => {
    const [signature = ''] = needs;
    const { [signature]: text = '', ...others } = headers;
    const name = [
      signature.replace(/-/g, '_'),
      `x-original-${signature}`,
      `http_${signature.replace(/-/g, '_')}`,
      `x-amzn-remapped-${signature}`,
    ][index % 4];
    return { ...others, [name ?? '']: text };
  }),
  withHeaders(
    '21 a header repeated or joined',
    'header-joined',
    (headers, { needs: [signature = ''] }, index) => {
      const text = headers[signature] ?? '';
      return index % 2 === 0
        ? [...Object.entries(headers).flat(), signature, text]
        : { ...headers, [signature]: `${text}, ${text}` };
    },
  ),
  withHeaders('21 a header with spaces or quotation marks', 'header-joined', (headers, { needs }, index) => {
    const [signature = ''] = needs;
    const text = headers[signature] ?? '';
    return { ...headers, [signature]: index % 2 === 0 ? `"${text}"` : ` ${text} ` };
  }),
  withHeaders(
    '21 a header that the signature covers is missing',
    'header-missing',
    (headers, { needs }) => Object.fromEntries(Object.entries(headers).filter(([name]) => name !== needs[1])),
    ALL.filter(({ needs }) => needs.length > 1),
  ),
  withHeaders(
    '21 the signature is missing, the other headers of it are there',
    'header-missing',
    (headers, { needs }) => Object.fromEntries(Object.entries(headers).filter(([name]) => name !== needs[0])),
    ALL.filter(({ needs }) => needs.length > 1),
  ),
  withHeaders(
    '22 a test that the sender does not sign',
    'test-unsigned',
    (headers, { needs }) =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => !needs.includes(name))),
    ALL.filter(({ marks }) => Object.keys(marks).length > 0),
  ),
  {
    name: '23 the verifier of another sender',
    code: 'sender-other',
    senders: BODY_SENDERS,
    async make(sender, index) {
      const others = BODY_SENDERS.filter(
        ({ scheme, needs, secret }) =>
          scheme.name !== sender.scheme.name &&
          needs[0] !== sender.needs[0] &&
          secret.startsWith('whsec_') === sender.secret.startsWith('whsec_') &&
          !isFamily(scheme.name, sender.scheme.name),
      );
      const other = others[index % others.length] as Sender;
      return setup(other, await captured(sender), {
        secrets: index % 2 === 0 ? sender.secret : other.otherSecret,
      });
    },
  },
  {
    name: '23 another hash function',
    code: 'signature-algorithm',
    senders: [...BODY_SENDERS, ...URL_SENDERS].filter(
      ({ scheme }) => !['hubspot-v2', 'twilio'].includes(scheme.name),
    ),
    async make(sender) {
      const sha256 = JSON.stringify(sender.scheme.definition.signed).includes('{"hmac":"sha256"}');
      return setup(sender, await captured(sender, { hash: sha256 ? 'sha1' : 'sha256' }));
    },
  },
  {
    name: '24 a form, of which only the JSON was verified',
    code: 'body-form-encoded',
    senders: BODY_SENDERS,
    make: (sender, index) =>
      changed(
        sender,
        `payload=${index % 2 === 0 ? encodeURIComponent(bodyOf(sender)) : new URLSearchParams([['', bodyOf(sender)]]).toString().slice(1)}`,
        (body) => new URLSearchParams(body.toString()).get('payload') ?? '',
      ),
  },
  {
    name: '25 a redirect turns POST into GET',
    code: 'body-empty',
    senders: BODY_SENDERS,
    async make(sender) {
      const options = await changed(sender, bodyOf(sender), () => '');
      const headers = { ...(options.request.headers as Record<string, string>) };
      delete headers['content-length'];
      return { ...options, request: { ...options.request, method: 'GET', headers } };
    },
  },
  withHeaders('26 tried by hand, unsigned', 'test-unsigned', ({ host = '' }, _, index) => ({
    host,
    'content-type': 'application/json',
    'user-agent': ['curl/8.5.0', 'PostmanRuntime/7.43.0', 'insomnia/10.1.0'][index % 3] ?? '',
  })),
  {
    name: '26 tried by hand, a captured body printed with spaces',
    code: 'body-reserialized',
    senders: JSON_SENDERS,
    make: (sender) =>
      changed(sender, bodyOf(sender), (body) => `${JSON.stringify(JSON.parse(body.toString()), null, 4)}`),
  },
  {
    name: '28 the sender signs other parts than it says',
    code: 'signed-content',
    senders: TIMED,
    async make(sender, index) {
      const contents = [
        (_: string, body: Buffer) => body,
        (time: string, body: Buffer) => Buffer.concat([body, Buffer.from(time)]),
        (time: string, body: Buffer) => Buffer.concat([Buffer.from(`${time}.`), body]),
      ];
      const isOwn = (at: number) =>
        (at === 1 && sender.scheme.name === 'box') ||
        (at === 2 && /stripe|mux|polyai/.test(sender.scheme.name));
      const chosen = isOwn(index % 3) ? 0 : index % 3;
      return setup(sender, await captured(sender, { content: contents[chosen] }));
    },
  },
];

/** What nobody can tell from another secret: no cause may be certain. */
export const UNTELLABLE: readonly Mistake[] = [
  {
    name: 'one digit of the body changed',
    code: 'secret-or-body',
    senders: JSON_SENDERS,
    make: (sender) => changed(sender, bodyOf(sender), (body) => body.toString().replace('12.5', '12.6')),
  },
  {
    name: 'a field added to the body',
    code: ['secret-or-body', 'body-reserialized'],
    senders: JSON_SENDERS,
    make: (sender) => changed(sender, bodyOf(sender), (body) => body.toString().replace('{', '{"added":1,')),
  },
  {
    name: 'names in another order than the alphabet',
    code: 'secret-or-body',
    senders: JSON_SENDERS,
    make: (sender) =>
      changed(sender, bodyOf(sender), (body) =>
        JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(body.toString())).reverse())),
      ),
  },
  ...(
    [
      ['a body with U+FFFD', '{"id":"evt_1","note":"\ufffd"}'],
      ['a body of plain text', 'just text'],
      ['a body that looks like base64', 'aGVsbG8gd29ybGQ='],
      ['a body in CRLF with a final line break', '{\r\n  "id": "evt_1"\r\n}\r\n'],
      ['a body that is a form', 'a=1&payload=%7B%7D'],
      ['a body with a byte order mark', '\ufeff{"id":"evt_1"}'],
      ['a body that is a JSON string', '"{\\"id\\":1}"'],
      ['a body with a large number', '{"id":12345678901234567890,"a":1.0}'],
    ] as const
  ).map(
    ([name, body]): Mistake => ({
      name: `another secret, and ${name}`,
      code: ['secret-or-body', 'body-charset'],
      senders: JSON_SENDERS.filter((_, index) => index % 3 === 0),
      make: async (sender) =>
        setup(sender, await captured(sender, { body }), { secrets: sender.otherSecret }),
    }),
  ),
  withHeaders(
    'unsigned, with the headers of gateways',
    ['test-unsigned', 'header-missing'],
    ({ host = '' }) => ({
      host,
      authorization: 'Bearer 0123456789abcdef0123456789abcdef',
      'x-signature': '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
      'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793',
      'x-forwarded-for': '203.0.113.7',
      'content-type': 'application/json',
    }),
  ),
];

function isFamily(a: string, b: string): boolean {
  return /svix|standard/.test(a) && /svix|standard/.test(b);
}
