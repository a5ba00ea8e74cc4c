import { useState } from 'preact/hooks';
import { visible } from './format.ts';

/** How many elements of an array or object are shown at first. */
const AT_ONCE = 100;
const MAX_TEXT = 2000;

/** A JSON value whose arrays and objects can be opened and closed. Closed ones are not in the document. */
export function JsonTree({ value }: { readonly value: unknown }) {
  return (
    <ul class="tree" aria-label="Body as JSON">
      <Node name={undefined} value={value} depth={0} />
    </ul>
  );
}

interface NodeProps {
  readonly name: string | undefined;
  readonly value: unknown;
  readonly depth: number;
}

function Node({ name, value, depth }: NodeProps) {
  const isContainer = typeof value === 'object' && value !== null;
  return (
    <li>
      {isContainer ? (
        <Container name={name} value={value} depth={depth} />
      ) : (
        <Leaf name={name} value={value} />
      )}
    </li>
  );
}

function Name({ name }: { readonly name: string | undefined }) {
  return name === undefined ? null : <span class="name">{visible(name)}: </span>;
}

function Leaf({ name, value }: Omit<NodeProps, 'depth'>) {
  const [isWhole, setWhole] = useState(false);
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  const isLong = text.length > MAX_TEXT && !isWhole;
  return (
    <span class="leaf">
      <Name name={name} />
      <span class={typeof value === 'string' ? 'string' : 'literal'}>
        {visible(isLong ? text.slice(0, MAX_TEXT) : text)}
      </span>
      {isLong && (
        <button type="button" class="more" onClick={() => setWhole(true)}>
          show all {text.length} characters
        </button>
      )}
    </span>
  );
}

function Container({ name, value, depth }: Omit<NodeProps, 'value'> & { readonly value: object }) {
  const entries: [string | undefined, unknown][] = Array.isArray(value)
    ? value.map((each) => [undefined, each])
    : Object.entries(value);
  const [isOpen, setOpen] = useState(depth < 3 && entries.length <= AT_ONCE);
  const [shown, setShown] = useState(AT_ONCE);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const what = Array.isArray(value) ? 'elements' : 'fields';
  return (
    <>
      <button type="button" class="toggle" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class="arrow" aria-hidden="true" />
        <Name name={name} />
        {open}
        {!isOpen && (
          <span class="muted">
            {' '}
            {entries.length} {what} {close}
          </span>
        )}
      </button>
      {isOpen && (
        <>
          <ul>
            {entries.slice(0, shown).map(([key, each], at) => (
              <Node key={at} name={key} value={each} depth={depth + 1} />
            ))}
            {entries.length > shown && (
              <li>
                <button type="button" class="more" onClick={() => setShown(shown + AT_ONCE * 10)}>
                  show {Math.min(AT_ONCE * 10, entries.length - shown)} more of {entries.length} {what}
                </button>
              </li>
            )}
          </ul>
          <span class="close">{close}</span>
        </>
      )}
    </>
  );
}
