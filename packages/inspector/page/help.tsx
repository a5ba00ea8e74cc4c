import { useEffect, useRef } from 'preact/hooks';

const KEYS: readonly (readonly [string, string])[] = [
  ['j / ↓', 'the next delivery'],
  ['k / ↑', 'the delivery before'],
  ['Enter', 'open the delivery'],
  ['Esc', 'back to the list; close; clear the search'],
  ['/', 'search'],
  ['r', 'replay, signed again'],
  ['c', 'copy as curl'],
  ['t', 'light, dark, or as the system'],
  ['?', 'this help'],
];

/** The keys, as a modal dialog of the browser: it keeps the focus and gives it back. */
export function Help({ close }: { readonly close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={close}>
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit" class="primary">
          Close
        </button>
      </form>
    </dialog>
  );
}
