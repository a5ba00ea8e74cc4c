import { type MatrixRow, type RowMaker, row, withHeader } from './rows.ts';
import type { MatrixSender } from './sender.ts';

const MALFORMED = [
  '12abc',
  '1e3',
  '-5',
  '+5',
  '12.5',
  '0x10',
  'NaN',
  '',
  '0'.repeat(16),
  '1 2',
  '٣'.normalize(),
];

/** The signed time in a header or in the signature's list. */
export const timeRows: RowMaker = (sender) => {
  const { timestamp } = sender.form;
  if (timestamp === undefined) return [];
  const { past, future } = sender.definition.tolerance ?? { past: 300, future: 300 };
  const timed = (name: string, expected: MatrixRow['expected'], time: (each: MatrixSender) => string) =>
    row(name, expected, (each) => each.request({ time: time(each) }));
  return [
    timed('a time at the past end of the window', 'handled', (each) => each.time(-past)),
    timed('a time at the future end of the window', 'handled', (each) => each.time(future)),
    timed('a time one second before the window', 'refused', (each) => each.time(-past - 1)),
    timed('a time one second after the window', 'refused', (each) => each.time(future + 1)),
    timed('a time of a year ago', 'too old', (each) => each.time(-31_536_000)),
    timed('a time in a year', 'refused', (each) => each.time(31_536_000)),
    timed('a time in the other unit', timestamp.unit === 's' ? 'refused' : 'too old', (each) =>
      timestamp.unit === 's' ? `${each.time()}000` : each.time().slice(0, -3),
    ),
    // Digits at the end of the body could be taken for the beginning of a time.
    timed('the time 0', followsBody(sender) ? 400 : 'too old', () => '0'),
    ...MALFORMED.filter(isHeaderText).map((text) =>
      timed(`the time ${JSON.stringify(text)}, signed`, 400, () => text),
    ),
    timed('a time with a letter behind it, signed', 400, (each) => `${each.time()}a`),
    timed('a time with a fraction, signed', 400, (each) => `${each.time()}.5`),
    row('another time than the signed one', 'refused', (each) => each.request({ sentTime: each.time(1) })),
    ...placeRows(sender),
  ];
};

function followsBody({ form }: MatrixSender): boolean {
  return form.content.includes('{body}{timestamp}');
}

function placeRows({ form }: MatrixSender): MatrixRow[] {
  const rows: MatrixRow[] = [];
  const { header, entry } = form.timestamp ?? {};
  const { list } = form.signature;
  if (header !== undefined) {
    rows.push(
      row('no time header', 400, (each) => withHeader(each.request(), header, () => undefined)),
      row('the time header repeated', 400, (each) =>
        withHeader(each.request(), header, (value) => [value, value]),
      ),
      row('a second time header of another time', 400, (each) =>
        withHeader(each.request(), header, (value) => [value, '1']),
      ),
    );
  }
  if (entry !== undefined && list !== undefined) {
    const start = `${entry}${list.assign}`;
    rows.push(
      row('no time in the signature header', 400, (each) =>
        each.request({ value: (value) => value.split(list.separator).slice(1).join(list.separator) }),
      ),
      row('the time twice in the signature header', 400, (each) =>
        each.request({ value: (value) => `${start}${each.time()}${list.separator}${value}` }),
      ),
      row('a second, older time in the signature header', 400, (each) =>
        each.request({ value: (value) => `${value}${list.separator}${start}1` }),
      ),
    );
  }
  if (header !== undefined && entry !== undefined) {
    rows.push(
      row('a time header that differs from the signature header', 400, (each) =>
        withHeader(each.request(), header, () => each.time(1)),
      ),
    );
  }
  return rows;
}

/** The signed id in a header. */
export const idRows: RowMaker = (sender) => {
  const header = sender.form.id?.header;
  if (header === undefined) return [];
  const sent = (name: string, expected: MatrixRow['expected'], id: string) =>
    row(name, expected, (each) => each.request({ id }));
  return [
    row('no id', 400, (each) => withHeader(each.request(), header, () => undefined)),
    row('the id repeated', 400, (each) => withHeader(each.request(), header, (value) => [value, value])),
    row('a second id', 400, (each) => withHeader(each.request(), header, (value) => [value, 'msg_other'])),
    row('a second id ahead', 400, (each) =>
      withHeader(each.request(), header, (value) => ['msg_other', value]),
    ),
    row('another id than the signed one', 'refused', (each) => each.request({ sentId: 'msg_other' })),
    sent('an empty id, signed', 400, ''),
    sent('an id of 4 KiB, signed', 400, 'i'.repeat(4096)),
    sent('an id that is not ASCII, signed', 400, 'msg_é'),
    sent('an id with a space, signed', 400, 'msg a'),
    ...separatorRows(sender),
  ];
};

/** With the separator of the signed content in the id, two deliveries could be signed alike. */
function separatorRows({ form }: MatrixSender): MatrixRow[] {
  const separator = /\{id\}([^{]+)/.exec(form.content)?.[1];
  if (separator === undefined) return [];
  return [
    row('an id that holds the separator, signed', 400, (each) => each.request({ id: `msg${separator}1` })),
  ];
}

/** The time that is signed in the body only. */
export const bodyTimeRows: RowMaker = ({ definition }) => {
  const { bodyTimestamp } = definition;
  if (bodyTimestamp?.field === undefined) return [];
  const { field, past, future, unit } = bodyTimestamp;
  const timed = (name: string, expected: MatrixRow['expected'], time: (each: MatrixSender) => unknown) =>
    row(name, expected, (each) => each.request({ body: each.body({ [field]: time(each) }) }));
  return [
    timed('a body time at the past end of the window', 'handled', (each) => each.bodyTimestamp(-past)),
    timed('a body time at the future end of the window', 'handled', (each) => each.bodyTimestamp(future)),
    timed('a body time one second before the window', 'refused', (each) => each.bodyTimestamp(-past - 1)),
    timed('a body time one second after the window', 'refused', (each) => each.bodyTimestamp(future + 1)),
    timed('a body time in the other unit', 'refused', (each) =>
      unit === 's' ? each.bodyTimestamp(0) * 1000 : Math.floor(each.bodyTimestamp(0) / 1000),
    ),
    ...[undefined, null, 'soon', -1, 1.5, 1e300, [], {}, true, ''].map((value) =>
      timed(`the body time ${JSON.stringify(value)}`, 'refused', () => value),
    ),
    ...['[]', 'null', '{"', '', '"text"'].map((text) =>
      row(`a body without a time: ${JSON.stringify(text)}`, 'refused', (each) =>
        each.request({ body: Buffer.from(text) }),
      ),
    ),
  ];
};

// A header's value can't begin or end with white space, and holds latin1 only.
function isHeaderText(text: string): boolean {
  return text === text.trim() && /^[\x20-\xff]*$/.test(text);
}
