import type { ComponentChildren, HTMLAttributes } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

interface Props {
  readonly count: number;
  /** In pixels, the same for all. */
  readonly rowHeight: number;
  readonly row: (index: number) => ComponentChildren;
  /** This row is scrolled into view when it changes. */
  readonly follow?: number | undefined;
  /** Changes when rows are added at the top: then the view stays where it was. */
  readonly addedAtTop?: number;
  readonly attributes?: HTMLAttributes<HTMLDivElement>;
}

const OVERSCAN = 8;

/** Rows of one height, of which only the visible ones are in the document. */
export function VirtualList({ count, rowHeight, row, follow, addedAtTop = 0, attributes }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const added = useRef(addedAtTop);

  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const read = () => setView({ top: element.scrollTop, height: element.clientHeight });
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = frame.current;
    const more = addedAtTop - added.current;
    added.current = addedAtTop;
    if (element === null || more <= 0 || element.scrollTop < rowHeight) return;
    element.scrollTop += more * rowHeight;
  }, [addedAtTop, rowHeight]);

  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null || follow === undefined || follow < 0) return;
    const top = follow * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight;
  }, [follow, rowHeight]);

  const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const last = Math.min(count, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
  const rows = [];
  for (let index = first; index < last; index += 1) rows.push(row(index));
  return (
    <div
      {...attributes}
      ref={frame}
      onScroll={({ currentTarget }) =>
        setView({ top: currentTarget.scrollTop, height: currentTarget.clientHeight })
      }
    >
      <div class="virtual" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        <div
          class="virtual-rows"
          role="presentation"
          style={{ transform: `translateY(${first * rowHeight}px)` }}
        >
          {rows}
        </div>
      </div>
    </div>
  );
}
