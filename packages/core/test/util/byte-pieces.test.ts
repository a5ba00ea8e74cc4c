import { describe, expect, test } from 'vitest';
import { BytePieces } from '../../src/pending-bytes.ts';
import { usedBytes } from '../support/used-bytes.ts';

describe('bytes that arrive in pieces', () => {
  test.each([0, 1, 2, 255, 256, 257, 1000])('%d pieces are joined in order', (count) => {
    const pieces = new BytePieces();
    const all = Array.from({ length: count }, (_, index) => Buffer.from(`${index},`));
    for (const piece of all) pieces.add(piece);
    expect(pieces.size).toBe(Buffer.concat(all).length);
    expect(pieces.join()).toEqual(Buffer.concat(all));
  });

  test('a single piece is not copied', () => {
    const pieces = new BytePieces();
    const piece = new Uint8Array(Buffer.from('one')).subarray(1);
    pieces.add(piece);
    expect(pieces.join()).toEqual(Buffer.from('ne'));
    expect(pieces.join().buffer).toBe(piece.buffer);
  });

  test('of one byte take a few bytes each', async () => {
    const before = await usedBytes();
    const pieces = new BytePieces();
    const count = 300_000;
    for (let index = 0; index < count; index++) pieces.add(Buffer.alloc(1, index));
    expect(((await usedBytes()) - before) / count).toBeLessThan(10);
    expect(pieces.join()).toHaveLength(count);
  });
});
