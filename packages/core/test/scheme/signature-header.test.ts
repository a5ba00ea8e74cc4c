import { describe, expect, it } from 'vitest';
import { readSignatures, type SignatureGrammar } from '../../src/scheme/signature/read-signatures.ts';

const digest = 'ab'.repeat(32);
const other = 'cd'.repeat(32);
const items: SignatureGrammar = {
  list: { separator: ',', assign: '=', label: 'v1' },
  encoding: 'hex',
};
const words: SignatureGrammar = {
  list: { separator: ' ', assign: ',', label: 'v1' },
  encoding: 'base64',
};
const single: SignatureGrammar = { prefix: 'sha256=', encoding: 'hex' };
const hexOf = (text: string, place = items) =>
  readSignatures(text, place, 32, 't').signatures.map((each) => each.toString('hex'));

describe('entries that two characters separate', () => {
  const grammar: SignatureGrammar = {
    list: { separator: ', ', assign: ',', label: 'v1' },
    encoding: 'hex',
  };

  it('are each read', () => {
    expect(hexOf(`v1,${digest}, v1,${other}`, grammar)).toEqual([digest, other]);
  });

  it.each([`v1,${digest},v1,${other}`, `v1,${digest} v1,${other}`, `v1,${digest},`, `, ,v1,${digest}`])(
    'are not entries between other ones: %s',
    (text) => {
      expect(hexOf(text, grammar)).toEqual([]);
    },
  );
});

describe('a list of labelled entries', () => {
  it('returns the time and every signature of the label', () => {
    const read = readSignatures(`t=170,v1=${digest},v1=${other}`, items, 32, 't');
    expect(read).toMatchObject({ entry: '170', excess: false });
    expect(read.signatures.map((each) => each.toString('hex'))).toEqual([digest, other]);
  });

  it.each([
    ['another label', `v0=${other},v1=${digest}`],
    ['a label that begins alike', `v12=${other},v1=${digest}`],
    ['an entry without a value', `v1,v1=,v1=${digest}`],
    ['a malformed signature', `v1=zz,v1=${digest}`],
    ['empty entries', `,,v1=${digest},,`],
    ['white space before a label', `t=1, v1=${other},v1=${digest}`],
    ['an upper-case signature', `v1=${other.toUpperCase()},v1=${digest}`],
  ])('passes over %s', (_, text) => {
    expect(hexOf(text)).toEqual([digest]);
  });

  it('reads no time from an entry whose label only ends alike', () => {
    expect(readSignatures(`at=1,v1=${digest}`, items, 32, 't').entry).toBeUndefined();
  });

  it('reports a repeated time', () => {
    expect(readSignatures(`t=1,t=2,v1=${digest}`, items, 32, 't').excess).toBe(true);
  });

  it('accepts sixteen signatures and reports a seventeenth, well-formed or not', () => {
    const entry = `v1=${digest},`;
    expect(readSignatures(entry.repeat(16), items, 32, 't').excess).toBe(false);
    expect(readSignatures(entry.repeat(17), items, 32, 't').excess).toBe(true);
    expect(readSignatures('v1=junk,'.repeat(17), items, 32, 't').excess).toBe(true);
  });

  it('reads space-separated entries with anything between them', () => {
    const value = Buffer.from(digest, 'hex').toString('base64');
    expect(hexOf(`v1a,AAAA  v1,${value} v2,${value}`, words)).toEqual([digest]);
  });

  it.each([
    ['without padding', (text: string) => text.replace(/=+$/, '')],
    ['in base64url', (text: string) => text.replaceAll('+', '-').replaceAll('/', '_')],
    ['with unused bits set', (text: string) => text.replace(/g=$/, 'h=')],
  ])('accepts one text per value: not %s', (_, change) => {
    const value = Buffer.from(`${'fb'.repeat(31)}f8`, 'hex').toString('base64');
    expect(hexOf(`v1,${value}`, words)).toHaveLength(1);
    expect(change(value)).not.toBe(value);
    expect(hexOf(`v1,${change(value)}`, words)).toEqual([]);
  });
});

describe('a single signature', () => {
  it('needs its prefix and nothing else', () => {
    expect(hexOf(`sha256=${digest}`, single)).toEqual([digest]);
    for (const text of [
      digest,
      `sha1=${digest}`,
      `SHA256=${digest}`,
      ` sha256=${digest}`,
      `sha256=${digest} `,
      `sha256=${digest},`,
    ]) {
      expect(hexOf(text, single)).toEqual([]);
    }
  });

  it('refuses what is shorter or longer than the digest', () => {
    for (const text of ['', digest.slice(2), `${digest}ab`, digest.slice(1)])
      expect(hexOf(`sha256=${text}`, single)).toEqual([]);
  });
});
