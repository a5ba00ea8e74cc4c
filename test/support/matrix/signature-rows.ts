import { isWellFormed, type MatrixRow, type RowMaker, row, withHeader } from './rows.ts';
import type { MatrixRequest, MatrixSender } from './sender.ts';

/** Keys that may sign, that no longer may and that never might. */
export const keyRows: RowMaker = (sender) => [
  ...(['current', 'previous', 'next'] as const).map((secret) =>
    row(`signed with the ${secret} key`, 'handled', (each) => each.request({ secret })),
  ),
  ...(['expired', 'removed', 'foreign'] as const).map((secret) =>
    row(`signed with a key that is ${secret}`, 'refused', (each) => each.request({ secret })),
  ),
  row('signed with an empty key', 'refused', (each) => each.request({ key: new Uint8Array() })),
  row('signed with a key of zeros', 'refused', (each) => each.request({ key: new Uint8Array(32) })),
  row("signed with the secret's text, undecoded", textIsKey(sender) ? 'handled' : 'refused', (each) =>
    each.request({ key: Buffer.from(each.secret('current')) }),
  ),
  row("signed with the secret's text and a line end", 'refused', (each) =>
    each.request({ key: Buffer.from(`${each.secret('current')}\n`) }),
  ),
  ...(sender.form.signature.list === undefined ? [] : listRows(sender)),
];

function textIsKey({ definition }: MatrixSender): boolean {
  return definition.secret.encoding === 'utf8';
}

function listRows(sender: MatrixSender): MatrixRow[] {
  const foreign = sender.text(Buffer.alloc(32, 7));
  const { separator = '', assign = '' } = sender.form.signature.list ?? {};
  return [
    row("a right signature after another sender's", 'handled', (each) =>
      each.request({ further: { before: [foreign] } }),
    ),
    row("a right signature before another sender's", 'handled', (each) =>
      each.request({ further: { after: [foreign] } }),
    ),
    row('a good signature behind a malformed one', 'handled', (each) =>
      each.request({ further: { before: ['x'] } }),
    ),
    row('a good signature among 16', 'handled', (each) =>
      each.request({ further: { before: new Array<string>(15).fill(foreign) } }),
    ),
    row('a good signature among 17', 400, (each) =>
      each.request({ further: { before: new Array<string>(16).fill(foreign) } }),
    ),
    row('a good signature in a header of 5000 characters', 400, (each) =>
      each.request({ value: (value) => `${value}${separator}x${assign}${'0'.repeat(5000)}` }),
    ),
    row('foreign signatures only', 'refused', (each) =>
      each.request({ secret: 'foreign', further: { after: [foreign, foreign] } }),
    ),
  ];
}

/** Every bit of the MAC, and every other text for it. */
export const macRows: RowMaker = (sender) => {
  const length = sender.digest({ id: '', time: '', body: Buffer.of() }).length;
  const bits = Array.from({ length: length * 8 }, (_, bit) =>
    row(`bit ${bit} of the MAC flipped`, 'refused', (each) => each.request({ text: flipped(each, bit) })),
  );
  const right = sender.text(Buffer.alloc(length, 0xfb));
  return [
    ...bits,
    ...OTHER_TEXTS.flatMap(([name, change]) => textRow(sender, name, right, change)),
    ...cutRows(right),
  ];
};

function flipped(sender: MatrixSender, bit: number): (text: string) => string {
  const { encoding } = sender.form.signature;
  return (text) => {
    const digest = Buffer.from(text, encoding === 'hex-upper' ? 'hex' : encoding);
    const at = Math.floor(bit / 8);
    digest[at] = (digest[at] ?? 0) ^ (1 << (bit % 8));
    return sender.text(digest);
  };
}

const OTHER_TEXTS: readonly (readonly [string, (text: string) => string])[] = [
  ['extended by a character', (text) => `${text}0`],
  ['extended by a byte', (text) => `${text}00`],
  ['doubled', (text) => text + text],
  ['in upper case', (text) => text.toUpperCase()],
  ['in lower case', (text) => text.toLowerCase()],
  ['in base64url', (text) => text.replaceAll('+', '-').replaceAll('/', '_')],
  ['without padding', (text) => text.replace(/=+$/, '')],
  ['with more padding', (text) => `${text}=`],
  ['with white space inside', (text) => `${text.slice(0, 9)} ${text.slice(9)}`],
  ['with a tab inside', (text) => `${text.slice(0, 9)}\t${text.slice(9)}`],
  ['behind a space', (text) => ` ${text}`],
  ['in quotes', (text) => `"${text}"`],
  ['with a zero ahead', (text) => `0x${text}`],
  ['with a letter that is not ASCII', (text) => `é${text.slice(1)}`],
  ['all letters that are not ASCII', (text) => 'é'.repeat(text.length)],
  ['of zeros', (text) => '0'.repeat(text.length)],
  ['empty', () => ''],
];

/** The expected outcome depends on whether the text can be a signature at all. */
function textRow(
  sender: MatrixSender,
  name: string,
  right: string,
  change: (text: string) => string,
): MatrixRow[] {
  const { prefix, list } = sender.form.signature;
  // Some change nothing in this encoding; and white space at the very start of a header's value is not part of it.
  if (change(right) === right) return [];
  if (change('x').startsWith(' ') && prefix === undefined && list === undefined) return [];
  return [
    row(
      `the MAC ${name}`,
      (request) => (isWellFormed(sender, sentText(sender, request)) ? 'refused' : 400),
      (each) => {
        let given = '';
        let request: MatrixRequest;
        do {
          request = each.request({
            text(text) {
              given = text;
              return change(text);
            },
          });
        } while (change(given) === given);
        return request;
      },
    ),
  ];
}

/** The text of the one signature in a request. */
function sentText({ form, signatureHeader }: MatrixSender, { headers }: MatrixRequest): string {
  const { prefix = '', list } = form.signature;
  const value = headers.find(([name]) => name === signatureHeader)?.[1] ?? '';
  if (list === undefined) return value.slice(prefix.length);
  const label = `${list.label ?? ''}${list.assign ?? ''}`;
  const entry = value.split(list.separator).find((each) => each.startsWith(label));
  return entry?.slice(label.length) ?? '';
}

function cutRows(right: string): MatrixRow[] {
  return Array.from({ length: right.length - 1 }, (_, index) =>
    row(`the MAC cut to ${index + 1} characters`, 400, (each) =>
      each.request({ text: (text) => text.slice(0, index + 1) }),
    ),
  );
}

/** The header around the MAC. */
export const signatureHeaderRows: RowMaker = (sender) => {
  const name = sender.signatureHeader;
  const { prefix, list } = sender.form.signature;
  const rows = [
    row('no signature header', 401, (each) => withHeader(each.request(), name, () => undefined)),
    row('an empty signature header', 400, (each) => each.request({ value: () => '' })),
    row('a signature header of 5000 characters', 400, (each) =>
      each.request({ value: (value) => value.padEnd(5000, '0') }),
    ),
    row('the signature header repeated', 400, (each) =>
      withHeader(each.request(), name, (value) => [value, value]),
    ),
    row('a bad signature header behind the good one', 400, (each) =>
      withHeader(each.request(), name, (value) => [value, '0']),
    ),
    row('a bad signature header ahead of the good one', 400, (each) =>
      withHeader(each.request(), name, (value) => ['0', value]),
    ),
    row('header names in upper case', 'handled', (each) => {
      const request = each.request();
      return {
        ...request,
        headers: request.headers.map(([each, value]) => [each.toUpperCase(), value] as const),
      };
    }),
  ];
  if (prefix !== undefined) {
    for (const other of [
      '',
      prefix.toUpperCase(),
      `${prefix} `,
      ` ${prefix}`,
      'sha1=',
      'v9=',
      prefix + prefix,
    ]) {
      if (other === prefix || (other.trimStart() === prefix && other.startsWith(' '))) continue;
      rows.push(
        row(`the prefix ${JSON.stringify(other)}`, 400, (each) =>
          each.request({ value: (value) => `${other}${value.slice(prefix.length)}` }),
        ),
      );
    }
  }
  if (list?.label !== undefined) {
    const { label, assign = '' } = list;
    const labelled = `${label}${assign}`;
    for (const other of ['v0', 'v2', `${label}a`, label.toUpperCase(), '', ` ${label}`, `${label} `]) {
      if (other === label) continue;
      // A separator in the label makes two entries of one, of which the second may be good; and blanks at a header's start are none of it.
      const isFirst = sender.form.timestamp?.entry === undefined;
      if ((list.separator === ' ' || isFirst) && other === ` ${label}`) continue;
      rows.push(
        row(`the label ${JSON.stringify(other)}`, 400, (each) =>
          each.request({ value: (value) => value.replace(labelled, () => `${other}${assign}`) }),
        ),
      );
    }
    rows.push(
      row('no label', 400, (each) => each.request({ value: (value) => value.replace(labelled, () => '') })),
    );
  }
  return rows;
};
