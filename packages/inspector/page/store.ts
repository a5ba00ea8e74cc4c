import type { DeliveryList, DeliverySummary, ListUpdate, Outcome } from '../src/wire.ts';
import * as client from './client.ts';

/** What the list shows: words that must occur, one outcome, one endpoint. */
export interface Filter {
  readonly words: string;
  readonly outcome: Outcome | 'all';
  readonly endpoint: string;
}

export const NO_FILTER: Filter = { words: '', outcome: 'all', endpoint: '' };

/** All that the page knows of the list. */
export class Store {
  readonly #deliveries = new Map<number, DeliverySummary>();
  readonly #listeners = new Set<() => void>();
  #sorted: readonly DeliverySummary[] | undefined;
  #filtered:
    | { readonly of: Filter; readonly from: unknown; readonly list: readonly DeliverySummary[] }
    | undefined;
  #isQueued = false;
  title = '';
  origin = location.origin;
  endpoints: DeliveryList['endpoints'] = [];
  state: 'loading' | 'live' | 'lost' = 'loading';

  start(): void {
    client.watch(
      () => void this.#reload(),
      (update) => this.#update(update),
      () => this.#set('lost'),
    );
  }

  /** Calls `listener` after changes, at most once a frame. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get(id: number): DeliverySummary | undefined {
    return this.#deliveries.get(id);
  }

  /** The newest first. */
  all(): readonly DeliverySummary[] {
    this.#sorted ??= [...this.#deliveries.values()].sort((a, b) => b.id - a.id);
    return this.#sorted;
  }

  filtered(filter: Filter): readonly DeliverySummary[] {
    const from = this.all();
    const known = this.#filtered;
    if (known?.of === filter && known.from === from) return known.list;
    const words = filter.words.toLowerCase().split(/\s+/).filter(Boolean);
    const list = from.filter(
      (each) =>
        (filter.outcome === 'all' || each.outcome === filter.outcome) &&
        (filter.endpoint === '' || each.endpoint === filter.endpoint) &&
        words.every((word) => searchText(each).includes(word)),
    );
    this.#filtered = { of: filter, from, list };
    return list;
  }

  counts(): ReadonlyMap<Outcome, number> {
    const counts = new Map<Outcome, number>();
    for (const { outcome } of this.#deliveries.values()) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    return counts;
  }

  async clear(): Promise<void> {
    await client.clear();
    this.#deliveries.clear();
    this.#changed();
  }

  async #reload(): Promise<void> {
    try {
      const { deliveries, endpoints, title, origin } = await client.loadList();
      const ids = new Set(deliveries.map(({ id }) => id));
      for (const id of this.#deliveries.keys()) if (!ids.has(id)) this.#deliveries.delete(id);
      for (const each of deliveries) this.#deliveries.set(each.id, each);
      this.endpoints = endpoints;
      this.title = title;
      this.origin = origin ?? location.origin;
      this.#set('live');
    } catch {
      this.#set('lost');
    }
  }

  #update({ deliveries, oldestId }: ListUpdate): void {
    for (const each of deliveries) this.#deliveries.set(each.id, each);
    // Maps keep the order in which ids were added, except for those that a reload has brought late.
    for (const id of this.#deliveries.keys()) if (id < oldestId) this.#deliveries.delete(id);
    this.#changed();
  }

  #set(state: Store['state']): void {
    this.state = state;
    this.#changed();
  }

  #changed(): void {
    this.#sorted = undefined;
    if (this.#isQueued) return;
    this.#isQueued = true;
    requestAnimationFrame(() => {
      this.#isQueued = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

const texts = new WeakMap<DeliverySummary, string>();

function searchText(each: DeliverySummary): string {
  let text = texts.get(each);
  if (text === undefined) {
    const { id, method, url, endpoint, scheme, outcome, code, cause, keyRole, type, status } = each;
    text = [`#${id}`, method, url, endpoint, scheme, outcome, code, cause, keyRole, type, status]
      .filter((part) => part !== undefined)
      .join(' ')
      .toLowerCase();
    texts.set(each, text);
  }
  return text;
}
