import { useEffect, useRef, useState } from 'preact/hooks';
import * as client from './client.ts';
import { curlOf } from './curl.ts';
import { DeliveryList } from './delivery-list.tsx';
import { Detail, useDetail } from './detail.tsx';
import { Help } from './help.tsx';
import { type KeyActions, listenToKeys } from './keyboard.ts';
import { type Filter, NO_FILTER, type Store } from './store.ts';
import { applyTheme, nextTheme, savedTheme } from './theme.ts';
import { Toolbar } from './toolbar.tsx';

const MESSAGE_MS = 6000;

/** Moves the focus at once, so that the next key goes there; and once more, if the element only appears with the next frame. */
function focusOn(id: string): void {
  const focus = () => document.getElementById(id)?.focus();
  focus();
  requestAnimationFrame(focus);
}

export function App({ store }: { readonly store: Store }) {
  const [, setVersion] = useState(0);
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [selected, setSelected] = useState<number>();
  // On a narrow screen, the delivery is shown instead of the list.
  const [isOpen, setOpen] = useState(false);
  const [isHelping, setHelping] = useState(false);
  const [isReplaying, setReplaying] = useState(false);
  const [theme, setTheme] = useState(savedTheme);
  const [message, setMessage] = useState('');
  const list = store.filtered(filter);
  const { detail, bytes, error } = useDetail(selected === undefined ? undefined : store.get(selected));

  useEffect(() => store.subscribe(() => setVersion((version) => version + 1)), [store]);
  useEffect(() => applyTheme(theme), [theme]);
  useEffect(() => {
    if (message === '') return undefined;
    const timer = setTimeout(() => setMessage(''), MESSAGE_MS);
    return () => clearTimeout(timer);
  }, [message]);

  const open = (id: number) => {
    setSelected(id);
    setOpen(true);
  };
  const step = (by: number) => {
    const at = list.findIndex(({ id }) => id === selected);
    const next = list[at === -1 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))];
    if (next === undefined) return;
    setSelected(next.id);
    focusOn('list');
  };
  /** Whether the selected delivery is not here yet, or not its body. The page says so. */
  const sayIfLoading = (): boolean => {
    const isLoading =
      selected !== undefined &&
      (detail === undefined || (detail.bodyBytes !== undefined && bytes === undefined));
    if (isLoading) setMessage('This delivery is still loading. Try again.');
    return isLoading;
  };
  const actions: KeyActions = {
    next: () => step(1),
    previous: () => step(-1),
    open() {
      if (selected === undefined) step(1);
      setOpen(true);
      focusOn('detail');
    },
    leave() {
      if (document.activeElement?.id === 'search' && filter.words !== '') setFilter({ ...filter, words: '' });
      else {
        setOpen(false);
        focusOn('list');
      }
    },
    search() {
      setOpen(false);
      focusOn('search');
    },
    replay() {
      if (isReplaying || sayIfLoading() || detail === undefined) return;
      if (detail.replayObstacle !== undefined) {
        setMessage(detail.replayObstacle);
        return;
      }
      setReplaying(true);
      client
        .replay(detail.id)
        .then((id) => {
          setFilter(NO_FILTER);
          open(id);
          setMessage(`Replayed as #${id}.`);
        })
        .catch((failed: Error) => setMessage(failed.message))
        .finally(() => setReplaying(false));
    },
    copyCurl() {
      if (sayIfLoading() || detail === undefined) return;
      const text = curlOf(detail, bytes ?? new Uint8Array(), store.origin);
      navigator.clipboard.writeText(text).then(
        () => setMessage('Copied as curl, without secrets.'),
        () => setMessage('The browser does not allow the page to copy. Allow it for this address.'),
      );
    },
    changeTheme: () => setTheme(nextTheme(theme)),
    help: () => setHelping(true),
  };
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(
    () =>
      listenToKeys(
        Object.fromEntries(
          Object.keys(actions).map((name) => [name, () => latest.current[name as keyof KeyActions]()]),
        ) as unknown as KeyActions,
      ),
    // The keys never change; `latest` knows what they do now.
    [],
  );

  return (
    <>
      <Toolbar
        store={store}
        filter={filter}
        setFilter={setFilter}
        shown={list.length}
        theme={theme}
        changeTheme={actions.changeTheme}
        clear={() => void store.clear().catch((failed: Error) => setMessage(failed.message))}
        openHelp={actions.help}
      />
      <main class={isOpen ? 'columns open' : 'columns'}>
        <section class="list-column" aria-label="Deliveries">
          {list.length === 0 && <Empty store={store} />}
          <DeliveryList list={list} selected={selected} select={open} />
        </section>
        <section id="detail" class="detail" aria-label="Delivery" tabIndex={-1}>
          {selected === undefined ? (
            <p class="empty">
              Choose a delivery to see its verdict, body, headers and timeline. Press ? for the keys.
            </p>
          ) : (
            <Detail
              key={selected}
              {...{ detail, bytes, error, isReplaying }}
              replay={actions.replay}
              copyCurl={actions.copyCurl}
              select={open}
              back={actions.leave}
            />
          )}
        </section>
      </main>
      <p class={message === '' ? 'message hidden' : 'message'} role="status">
        {message}
      </p>
      {isHelping && <Help close={() => setHelping(false)} />}
    </>
  );
}

function Empty({ store }: { readonly store: Store }) {
  if (store.state === 'loading') return <p class="empty">Loading…</p>;
  if (store.all().length > 0) return <p class="empty">No delivery fits the search and the filter.</p>;
  return (
    <p class="empty">
      No delivery yet. As soon as one arrives at {store.origin}, it is shown here, whether it is genuine or
      not.
    </p>
  );
}
