import type { ComponentChildren } from 'preact';

interface Props {
  readonly label: string;
  /** For ids. */
  readonly name: string;
  readonly tabs: readonly { readonly id: string; readonly label: string }[];
  readonly selected: string;
  readonly select: (id: string) => void;
  readonly small?: boolean;
  readonly children: ComponentChildren;
}

/** Tabs by the pattern of WAI-ARIA: arrows move between them, Tab moves into the panel. */
export function Tabs({ label, name, tabs, selected, select, small = false, children }: Props) {
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === selected);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    const next = tabs[(to + tabs.length) % tabs.length];
    if (next === undefined) return;
    event.preventDefault();
    select(next.id);
    document.getElementById(`${name}-tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs">
      <div class={small ? 'tab-list small' : 'tab-list'} role="tablist" aria-label={label}>
        {tabs.map(({ id, label: text }) => (
          <button
            key={id}
            id={`${name}-tab-${id}`}
            type="button"
            role="tab"
            aria-selected={id === selected}
            aria-controls={`${name}-panel`}
            tabIndex={id === selected ? 0 : -1}
            onClick={() => select(id)}
            onKeyDown={move}
          >
            {text}
          </button>
        ))}
      </div>
      <div id={`${name}-panel`} role="tabpanel" aria-labelledby={`${name}-tab-${selected}`}>
        {children}
      </div>
    </div>
  );
}
