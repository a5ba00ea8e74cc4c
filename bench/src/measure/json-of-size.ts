/** A JSON body of exactly so many bytes: some peers parse it. */
export function jsonOfSize(bytes: number): Buffer {
  const item = { id: 'evt_0123456789', amount: 1999, currency: 'eur', text: 'a line of text like any other' };
  const empty = JSON.stringify({ items: [], pad: '' }).length;
  const items = Array.from(
    { length: Math.floor((bytes - empty - 10) / (JSON.stringify(item).length + 1)) },
    () => item,
  );
  const filled = JSON.stringify({ items, pad: '' });
  return Buffer.from(JSON.stringify({ items, pad: 'x'.repeat(bytes - filled.length) }));
}
