import type { SchemeDefinition, SignatureRule } from '@countersign/core';
import { describe, expect, test } from 'vitest';
import { outcomeOf as outcomeOfRequest } from '../support/signed-requests.ts';

// Senders that sign what is in a body, and not its bytes: the body is read before anything shows that the sender wrote it.

const REFUSED = 'ERR_WEBHOOK_HEADER_INVALID';
const MISMATCH = 'ERR_WEBHOOK_SIGNATURE_MISMATCH';

type Signed = Partial<SignatureRule> & { content: string };
function outcomeOf(
  signed: Signed,
  text: string | Uint8Array,
  body: string | Uint8Array,
  { contentType, ...definition }: Partial<SchemeDefinition> & { contentType?: string } = {},
): Promise<string> {
  return outcomeOfRequest(signed, { text, body, headers: { 'content-type': contentType } }, definition);
}

describe('a signed field', () => {
  const field: Signed = { content: '{field:value}' };

  test.each([
    ['"text"', 'text'],
    ['""', ''],
    ['1.50', '1.5'],
    ['1e3', '1000'],
    ['true', 'true'],
    ['false', 'false'],
  ])('with the value %s is signed as "%s"', async (json, text) => {
    expect(await outcomeOf(field, text, `{"value":${json}}`)).toBe('accepted');
  });

  test.each([
    ['an object', '{"value":{}}', '[object Object]'],
    ['a list', '{"value":["a"]}', 'a'],
    ['a number beyond the range', '{"value":1e999}', 'Infinity'],
    ['null', '{"value":null}', 'null'],
    ['nothing', '{}', 'undefined'],
    ['no JSON', 'value', 'undefined'],
    ['JSON that is null', 'null', 'undefined'],
    ['JSON that is text', '"value"', 'undefined'],
    ['JSON that is not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'undefined'],
  ])('with %s for a value is refused', async (_, body, text) => {
    expect(await outcomeOf(field, text, body)).toBe(REFUSED);
    expect(await outcomeOf(field, '', body)).toBe(REFUSED);
  });

  test('is read behind a byte order mark, as handlers read it', async () => {
    expect(await outcomeOf(field, 'a', '\ufeff{"value":"a"}')).toBe('accepted');
  });

  test('may be in an object of an object', async () => {
    const inner: Signed = { content: '{field:a.b}' };
    expect(await outcomeOf(inner, '1', '{"a":{"b":1}}')).toBe('accepted');
    expect(await outcomeOf(inner, '1', '{"a":null}')).toBe(REFUSED);
    expect(await outcomeOf(inner, '1', '{"a":"b"}')).toBe(REFUSED);
  });
});

describe('signed fields with text between them', () => {
  const joined = (rest: object): Signed => ({
    content: '{values}',
    parts: { values: { fields: ['a', 'b'], join: ':', ...rest } as never },
  });
  const plain = joined({});

  test.each([
    ['{"a":"1","b":true}', '1:true'],
    ['{"a":"1"}', '1:'],
    ['{"b":"1","a":null}', ':1'],
    ['[]', ':'],
  ])('of %s are signed as "%s"', async (body, text) => {
    expect(await outcomeOf(plain, text, body)).toBe('accepted');
  });

  test('are not read from what is no JSON', async () => {
    expect(await outcomeOf(plain, ':', 'a=1')).toBe(REFUSED);
    expect(await outcomeOf(plain, ':', '')).toBe(REFUSED);
  });

  test('do not contain that text', async () => {
    expect(await outcomeOf(plain, '1:2:3', '{"a":"1:2","b":"3"}')).toBe(REFUSED);
    expect(await outcomeOf(plain, '1:2:3', '{"a":"1","b":"2:3"}')).toBe(REFUSED);
  });

  test('but for the one that may', async () => {
    const last = joined({ fieldContainingJoin: 'b' });
    expect(await outcomeOf(last, '1:2:3', '{"a":"1","b":"2:3"}')).toBe('accepted');
    expect(await outcomeOf(last, '1:2:3', '{"a":"1:2","b":"3"}')).toBe(REFUSED);
  });

  test('but for the one that another field names', async () => {
    const byKind: Signed = {
      content: '{values}',
      parts: {
        values: {
          fields: ['a', 'b', 'kind'],
          join: ':',
          fieldContainingJoin: { by: 'kind', values: { first: 'a' }, otherwise: 'b' },
        },
      },
    };
    const body = (a: string, b: string, kind: string) => JSON.stringify({ a, b, kind });
    expect(await outcomeOf(byKind, '1:2:3:first', body('1:2', '3', 'first'))).toBe('accepted');
    expect(await outcomeOf(byKind, '1:2:3:first', body('1', '2:3', 'first'))).toBe(REFUSED);
    for (const kind of ['second', 'toString', '']) {
      expect(await outcomeOf(byKind, `1:2:3:${kind}`, body('1', '2:3', kind))).toBe('accepted');
      expect(await outcomeOf(byKind, `1:2:3:${kind}`, body('1:2', '3', kind))).toBe(REFUSED);
    }
  });

  test('may be one alone, with nothing beside it', async () => {
    const single: Signed = { content: '{values}', parts: { values: { fields: ['a'], join: '' } } };
    expect(await outcomeOf(single, '1:2', '{"a":"1:2"}')).toBe('accepted');
  });
});

describe('canonical JSON', () => {
  const canonical: Signed = { content: '{canonicalJson}' };

  test.each([
    ['{ "b" : [ 1.0 , "x" , null , true ] , "a" : { } }', '{"a":{},"b":[1,"x",null,true]}'],
    ['{"\u00e9":1,"e":2,"\\u0045":3}', '{"E":3,"e":2,"\u00e9":1}'],
    ['"\\u0041\\/\\n\\"\\\\\\u0007\\u007f"', '"A/\\n\\"\\\\\\u0007\u007f"'],
    ['[[],[{"a":1}],-0,1e21,1E-7]', '[[],[{"a":1}],0,1e+21,1e-7]'],
    ['null', 'null'],
  ])('of %s is %s', async (body, text) => {
    expect(await outcomeOf(canonical, text, body)).toBe('accepted');
    // Any other text of the same values has the same signature, and one that differs has another.
    expect(await outcomeOf(canonical, text, `\n${body}\t`)).toBe('accepted');
    expect(await outcomeOf(canonical, `${text} `, body)).toBe(MISMATCH);
  });

  test.each([
    ['a number beyond its range', '[1e999]', '[null]'],
    ['a negative one', '[-1e999]', '[null]'],
    ['half a surrogate pair', '["\\ud800"]', '["\ufffd"]'],
    ['a name with half of one', '{"\\udc00":1}', '{"\ufffd":1}'],
    ['no JSON', '{a:1}', 'undefined'],
  ])('can not be written of %s', async (_, body, text) => {
    expect(await outcomeOf(canonical, Buffer.from(text), body)).toBe(REFUSED);
  });
});

describe('JSON that no signature covers yet', () => {
  const canonical: Signed = { content: '{canonicalJson}' };
  const outcome = (body: string) => outcomeOf(canonical, body, body);
  const list = (count: number, item: string) => `[${Array(count).fill(item).join(',')}]`;
  const members = (count: number) =>
    `{${Array.from({ length: count }, (_, index) => `"${String(index).padStart(5, '0')}":0`)
      .map((member) => member.replace('"', '"k'))
      .join(',')}}`;
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

  test.each([
    ['200 lists in each other', nested(200), 'accepted'],
    ['201 of them', nested(201), REFUSED],
    ['200 objects in each other', objects(200), 'accepted'],
    ['201 of them', objects(201), REFUSED],
    ['lists and objects in turn', `${'[{"a":'.repeat(101)}1${'}]'.repeat(101)}`, REFUSED],
    ['1000 lists beside each other', list(1000, '[[]]'), 'accepted'],
    ['1000 objects beside each other', list(1000, '{}'), 'accepted'],
    ['10,000 values', list(10_000, '1'), 'accepted'],
    ['10,001 of them', list(10_001, '1'), REFUSED],
    ['5000 members', members(5000), 'accepted'],
    ['5001 of them', members(5001), REFUSED],
    ['5000 empty lists', list(5000, '[]'), 'accepted'],
    ['5001 of them', list(5001, '[]'), REFUSED],
    ['20,000 escapes', JSON.stringify('\n'.repeat(20_000)), 'accepted'],
    ['20,001 of them', JSON.stringify('\n'.repeat(20_001)), REFUSED],
    ['20,001 in two texts', JSON.stringify(['\n'.repeat(20_000), '\n']), REFUSED],
    ['20,001 pairs of two', JSON.stringify('\\'.repeat(20_001)), REFUSED],
    ['punctuation in texts', JSON.stringify([',:[{'.repeat(20_000), ']}'.repeat(300)]), 'accepted'],
    [
      'punctuation behind an escaped quotation mark',
      JSON.stringify([`"${',:[{'.repeat(20_000)}`]),
      'accepted',
    ],
    ['a text that ends with a backslash', JSON.stringify(['\\', '\\"', 'a\\', 'b']), 'accepted'],
    ['lists behind a text that ends with a backslash', `["\\\\",${nested(200)}]`, REFUSED],
    ['lists behind one that ends with a quotation mark', `["\\"",${nested(200)}]`, REFUSED],
    ['lists behind a text with an escape', `["\\n",${nested(200)}]`, REFUSED],
    ['lists behind a text', `["n",${nested(200)}]`, REFUSED],
  ])('with %s', async (_, body, expected) => {
    expect(await outcome(body)).toBe(expected);
  });

  test.each(['["a', '["a\\"', '"', '["\\', '{"a":b}', '\u00a0{}', ''])(
    'that is broken is refused: %s',
    async (body) => {
      expect(await outcome(body)).toBe(REFUSED);
    },
  );

  test('is not bounded once a signature covers it', async () => {
    const trusted = { identity: { bodyField: 'id' } } as const;
    const body = `{"id":"a","deep":${nested(1000)},"long":${list(20_000, '1')}}`;
    expect(await outcomeOf({ content: '{body}' }, body, body, trusted)).toBe('accepted');
  });
});

describe('a multipart form', () => {
  const field: Signed = { content: '{field:id}' };
  const outcome = (body: string, contentType: string) =>
    outcomeOf(field, 'a', body, { multipartField: 'json', contentType });
  const TYPE = 'multipart/form-data; boundary=x';
  const part = (name: string, content: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
  const json = part('json', '{"id":"a"}');
  const other = part('other', '{"id":"b"}');

  test.each([
    ['alone', `${json}--x--\r\n`],
    ['without a line break at the end', `${json}--x--`],
    ['before another field', `${json}${other}--x--`],
    ['behind another field', `${other}${json}--x--`],
    ['behind a preamble', `preamble\r\n${json}--x--`],
    ['behind a line break', `\r\n${json}--x--`],
    ['with other headers', `${json.replace('\r\n\r\n', '\r\nContent-Type: application/json\r\n\r\n')}--x--`],
    ['with other headers first', `${json.replace('--x\r\n', '--x\r\nContent-Length: 10\r\n')}--x--`],
    ['with a file name', `${json.replace('name="json"', 'filename="f"; name="json"; x=y')}--x--`],
    ['behind a field without headers', `--x\r\n\r\nnothing\r\n${json}--x--`],
    ['behind a field of another kind', `--x\r\nContent-Type: text/plain\r\n\r\n{}\r\n${json}--x--`],
    ['as the last of 64 fields', `${other.repeat(63)}${json}--x--`],
    [
      'with 4 KiB of headers',
      `${json.replace('\r\n\r\n', `\r\nX-Long: ${'a'.repeat(4096 - 55)}\r\n\r\n`)}--x--`,
    ],
  ])('has its JSON %s', async (_, body) => {
    expect(await outcome(body, TYPE)).toBe('accepted');
  });

  test.each([
    ['twice', `${json}${json}--x--`],
    ['under another name', `${other}--x--`],
    ['as one of 65 fields', `${other.repeat(64)}${json}--x--`],
    [
      'with more than 4 KiB of headers',
      `${json.replace('\r\n\r\n', `\r\nX-Long: ${'a'.repeat(4096 - 54)}\r\n\r\n`)}--x--`,
    ],
    ['without an end', json],
    ['cut off', json.slice(0, -8)],
    ['without an empty line', '--x\r\nContent-Disposition: form-data; name="json"\r\n--x--'],
    [
      'without an empty line before the next field',
      `--x\r\nContent-Disposition: form-data; name="json"\r\n${other}--x--`,
    ],
    ['between longer boundaries', `${json.replace('--x', '--xy')}--xy--`],
    ['behind a longer boundary', `${json.replace('--x', '--xy')}--x--`],
    ['with line feeds alone', `${json.replaceAll('\r\n', '\n')}--x--`],
    ['without a boundary at the start', json.slice(3)],
    ['behind a boundary inside of a line', `preamble${json}--x--`],
    ['not at all', ''],
    ['as if it were no form', '{"id":"a"}'],
  ])('has no JSON that is there %s', async (_, body) => {
    expect(await outcome(body, TYPE)).toBe(REFUSED);
  });

  test.each([
    ['in quotation marks', 'multipart/form-data; boundary="x"'],
    ['without a blank', 'multipart/form-data;boundary=x'],
    ['behind another parameter', 'multipart/form-data; charset=utf-8; boundary=x'],
    ['before another parameter', 'Multipart/Form-Data; Boundary=x; charset=utf-8'],
  ])('may give its boundary %s', async (_, contentType) => {
    expect(await outcome(`${json}--x--`, contentType)).toBe('accepted');
  });

  test.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=x y',
    'multipart/form-data boundary=x',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ])('must give one: %s', async (contentType) => {
    const boundary = /boundary=(x{71})/.exec(contentType)?.[1] ?? 'x';
    expect(await outcome(`${json}--x--`.replaceAll('--x', `--${boundary}`), contentType)).toBe(REFUSED);
    expect(await outcome(`${json}--x--`.replaceAll('--x', '--undefined'), contentType)).toBe(REFUSED);
  });

  test.each(['application/json', 'x-multipart/form-data; boundary=x', 'multipart/form-data2; boundary=x'])(
    'is not expected of the type %s',
    async (contentType) => {
      expect(await outcome('{"id":"a"}', contentType)).toBe('accepted');
      expect(await outcome(`${json}--x--`, contentType)).toBe(REFUSED);
    },
  );

  test('is not expected if the definition names no field of it', async () => {
    expect(await outcomeOf(field, 'a', '{"id":"a"}', { contentType: TYPE })).toBe('accepted');
  });

  test('is not expected without a type', async () => {
    expect(await outcomeOf(field, 'a', '{"id":"a"}', { multipartField: 'json' })).toBe('accepted');
  });
});
