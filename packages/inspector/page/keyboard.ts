/** What keys do. */
export interface KeyActions {
  next(): void;
  previous(): void;
  open(): void;
  leave(): void;
  search(): void;
  replay(): void;
  copyCurl(): void;
  changeTheme(): void;
  help(): void;
}

const KEYS: Readonly<Record<string, keyof KeyActions>> = {
  j: 'next',
  ArrowDown: 'next',
  k: 'previous',
  ArrowUp: 'previous',
  '/': 'search',
  r: 'replay',
  c: 'copyCurl',
  t: 'changeTheme',
  '?': 'help',
};

/** Listens to the keys of the whole page, except those that a control needs itself. */
export function listenToKeys(actions: KeyActions): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    if (target.closest('dialog') !== null) return;
    const isTyping = target.matches('input, textarea, select');
    const action = actionOf(event, target, isTyping);
    if (action === undefined) return;
    event.preventDefault();
    actions[action]();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

function actionOf(
  { key }: KeyboardEvent,
  target: HTMLElement,
  isTyping: boolean,
): keyof KeyActions | undefined {
  if (key === 'Escape') return 'leave';
  if (key === 'Enter')
    return target.id === 'list' || target.id === 'search' || target === document.body ? 'open' : undefined;
  if (isTyping) return target.id === 'search' && key === 'ArrowDown' ? 'next' : undefined;
  const isScrolling = key.startsWith('Arrow') && target.id !== 'list' && target !== document.body;
  return isScrolling ? undefined : KEYS[key];
}
