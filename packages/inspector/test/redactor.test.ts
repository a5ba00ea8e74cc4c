import { github } from '@countersign/schemes';
import { describe, expect, test } from 'vitest';
import { Redactor } from '../src/redactor.ts';

const SECRET = 'whsec_ab/cd+EFgh12/345678901234<"é==';
const redactor = new Redactor({ all: () => [SECRET] }, github());

const escapedWith = (pattern: RegExp, write: (code: string) => string) =>
  SECRET.replace(pattern, (each) => write(each.charCodeAt(0).toString(16).padStart(4, '0')));
const base64 = Buffer.from(SECRET).toString('base64');
const hex = Buffer.from(SECRET).toString('hex');
const json = JSON.stringify(SECRET).slice(1, -1);

describe('a secret is removed in each of its spellings', () => {
  test.each([
    ['as it is', SECRET],
    ['JSON', json],
    ['JSON with escaped slashes', json.replaceAll('/', '\\/')],
    ['JSON in JSON', JSON.stringify(json.replaceAll('/', '\\/')).slice(1, -1)],
    ['JSON in lower-case escapes', escapedWith(/\W/g, (code) => `\\u${code}`)],
    ['JSON in upper-case escapes', escapedWith(/\W/g, (code) => `\\u${code.toUpperCase()}`)],
    ['JSON with every character escaped', escapedWith(/[\s\S]/g, (code) => `\\u${code}`)],
    ['percent-encoding', encodeURIComponent(SECRET)],
    ['lower-case percent-encoding', encodeURIComponent(SECRET).replace(/%../g, (each) => each.toLowerCase())],
    ['percent-encoding of some', SECRET.replaceAll('/', '%2f').replace('"', '%22')],
    ['hex', hex],
    ['upper-case hex', hex.toUpperCase()],
    ['base64', base64],
    ['base64, percent-encoded in lower case', base64.replaceAll('=', '%3d').replaceAll('+', '%2b')],
    ['without what is before it', SECRET.slice('whsec_'.length)],
  ])('%s', (_, spelling) => {
    for (const spelled of [spelling, `{"a":"${spelling}"}`]) {
      const text = redactor.text(spelled);
      expect(text).toContain('[secret removed]');
      expect(text.replace('[secret removed]', '')).toMatch(
        /^(?:\{"a":")?(?:whsec_)?(?:=|%3d|\\u003d)*(?:"\})?$/i,
      );
      const bytes = redactor.bytes(Buffer.from(spelled));
      expect(bytes.length).toBe(Buffer.byteLength(spelled));
      expect(bytes.toString()).toMatch(/^(?:\{"a":")?(?:whsec_)?\*{20,}(?:=|%3d|\\u003d)*(?:"\})?$/i);
    }
  });

  test('everything else stays as it is, and the given bytes too', () => {
    const text = 'whsec_ab/cd+EFgh12/34567890123, äöü \\/ %2F';
    expect(redactor.text(text)).toBe(text);
    expect(redactor.bytes(Buffer.from(text)).toString()).toBe(text);
    const given = Buffer.from(`ä ${SECRET} ${SECRET} ü`);
    const before = given.toString();
    expect(redactor.bytes(given).toString()).toMatch(/^ä \*+== \*+== ü$/);
    expect(given.toString()).toBe(before);
    expect(new Redactor({ all: () => [] }, github()).text(text)).toBe(text);
  });
});
