import type { Outcome } from '../src/wire.ts';
import { OUTCOMES } from './format.ts';
import { type Filter, NO_FILTER, type Store } from './store.ts';
import type { Theme } from './theme.ts';

const THEMES: Readonly<Record<Theme, string>> = { auto: 'System', light: 'Light', dark: 'Dark' };
const STATES = { loading: 'Connecting…', live: 'Live', lost: 'Disconnected, trying again…' } as const;

interface Props {
  readonly store: Store;
  readonly filter: Filter;
  readonly setFilter: (filter: Filter) => void;
  readonly shown: number;
  readonly theme: Theme;
  readonly changeTheme: () => void;
  readonly clear: () => void;
  readonly openHelp: () => void;
}

export function Toolbar({ store, filter, setFilter, shown, theme, changeTheme, clear, openHelp }: Props) {
  const counts = store.counts();
  const total = store.all().length;
  const outcomes = (Object.keys(OUTCOMES) as Outcome[]).filter(
    (each) => counts.has(each) || filter.outcome === each,
  );
  return (
    <header class="toolbar">
      <div class="brand">
        <h1>Countersign</h1>
        <span class="route">{store.title}</span>
        <span class={`state ${store.state}`} role="status">
          {STATES[store.state]}
        </span>
        <span class="brand-actions">
          <button type="button" onClick={changeTheme} aria-label={`Colors: ${THEMES[theme]}. Change them.`}>
            {THEMES[theme]}
          </button>
          <button type="button" onClick={clear} disabled={total === 0}>
            Clear
          </button>
          <button type="button" onClick={openHelp} aria-label="Help: keys">
            ?
          </button>
        </span>
      </div>
      <search class="filters">
        <input
          id="search"
          type="search"
          placeholder="Search type, path, cause, status…  ( / )"
          aria-label="Search deliveries"
          value={filter.words}
          onInput={({ currentTarget }) => setFilter({ ...filter, words: currentTarget.value })}
        />
        {store.endpoints.length > 1 && (
          <select
            aria-label="Endpoint"
            value={filter.endpoint}
            onChange={({ currentTarget }) => setFilter({ ...filter, endpoint: currentTarget.value })}
          >
            <option value="">All endpoints</option>
            {store.endpoints.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        )}
        <fieldset class="chips">
          <legend class="hidden">Outcome</legend>
          <Chip
            label="All"
            count={total}
            isOn={filter.outcome === 'all'}
            choose={() => setFilter({ ...filter, outcome: 'all' })}
          />
          {outcomes.map((outcome) => (
            <Chip
              key={outcome}
              label={OUTCOMES[outcome].label}
              count={counts.get(outcome) ?? 0}
              isOn={filter.outcome === outcome}
              choose={() => setFilter({ ...filter, outcome })}
            />
          ))}
        </fieldset>
        {shown !== total && (
          <button type="button" class="link" onClick={() => setFilter(NO_FILTER)}>
            {shown} of {total} shown: show all
          </button>
        )}
      </search>
    </header>
  );
}

interface ChipProps {
  readonly label: string;
  readonly count: number;
  readonly isOn: boolean;
  readonly choose: () => void;
}

function Chip({ label, count, isOn, choose }: ChipProps) {
  return (
    <button type="button" class="chip" aria-pressed={isOn} onClick={choose}>
      {label} <span class="count">{count}</span>
    </button>
  );
}
