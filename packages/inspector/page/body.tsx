import { useMemo, useState } from 'preact/hooks';
import { bytesOf, decoded, visible } from './format.ts';
import { JsonTree } from './json-tree.tsx';
import { Tabs } from './tabs.tsx';
import { VirtualList } from './virtual-list.tsx';

const TEXT_AT_ONCE = 64 * 1024;
const HEX_ROW_HEIGHT = 22;
const HEX_COLUMNS = 16;

/** A body in three ways. Always text of the page: never HTML, whatever it contains. */
export function Body({ bytes }: { readonly bytes: Uint8Array }) {
  const text = useMemo(() => decoded(bytes), [bytes]);
  const json = useMemo(() => parsed(text), [text]);
  const [way, setWay] = useState<string>();
  if (bytes.length === 0) return <p class="empty">The body is empty: 0 bytes.</p>;
  const ways = [
    ...(json === undefined ? [] : [{ id: 'json', label: 'JSON' }]),
    ...(text === undefined ? [] : [{ id: 'text', label: 'Text' }]),
    { id: 'bytes', label: 'Bytes' },
  ];
  const shown = ways.find(({ id }) => id === way)?.id ?? ways[0]?.id ?? 'bytes';
  return (
    <>
      {text === undefined && <p class="note">The body is not UTF-8 text, so only its bytes are shown.</p>}
      <Tabs label="Show the body as" name="body" tabs={ways} selected={shown} select={setWay} small>
        {shown === 'json' && <JsonTree value={json?.value} />}
        {shown === 'text' && <Text text={text ?? ''} />}
        {shown === 'bytes' && <Bytes bytes={bytes} />}
      </Tabs>
    </>
  );
}

function parsed(text: string | undefined): { readonly value: unknown } | undefined {
  if (text === undefined) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

export function Text({ text }: { readonly text: string }) {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > TEXT_AT_ONCE && !isWhole;
  return (
    <>
      {/* Scrollable, so it must be reachable by keyboard. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: see above */}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for controls */}
      <div class="text" role="group" tabIndex={0} aria-label="Body as text">
        {visible(isLong ? text.slice(0, TEXT_AT_ONCE) : text)}
      </div>
      {isLong && (
        <button type="button" class="more" onClick={() => setWhole(true)}>
          show all {bytesOf(text.length)}
        </button>
      )}
    </>
  );
}

function Bytes({ bytes }: { readonly bytes: Uint8Array }) {
  return (
    <VirtualList
      count={Math.ceil(bytes.length / HEX_COLUMNS)}
      rowHeight={HEX_ROW_HEIGHT}
      attributes={{ class: 'hex', tabIndex: 0, role: 'group', 'aria-label': 'Body as bytes' }}
      row={(index) => <HexRow key={index} bytes={bytes} from={index * HEX_COLUMNS} />}
    />
  );
}

function HexRow({ bytes, from }: { readonly bytes: Uint8Array; readonly from: number }) {
  const row = [...bytes.subarray(from, from + HEX_COLUMNS)];
  const hex = row.map((byte) => byte.toString(16).padStart(2, '0'));
  const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·'));
  return (
    <div class="hex-row">
      <span class="muted">{from.toString(16).padStart(6, '0')}</span>
      <span class="hex-bytes">{hex.join(' ')}</span>
      <span class="hex-ascii">{ascii.join('')}</span>
    </div>
  );
}
