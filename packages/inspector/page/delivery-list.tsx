import type { DeliverySummary } from '../src/wire.ts';
import { millisecondsOf, OUTCOMES, timeOf, titleOf, visible } from './format.ts';
import { VirtualList } from './virtual-list.tsx';

const ROW_HEIGHT = 72;

interface Props {
  readonly list: readonly DeliverySummary[];
  readonly selected: number | undefined;
  readonly select: (id: number) => void;
}

function optionId(id: number): string {
  return `delivery-${id}`;
}

/** The list, the newest first. */
export function DeliveryList({ list, selected, select }: Props) {
  const at = list.findIndex(({ id }) => id === selected);
  return (
    <VirtualList
      count={list.length}
      rowHeight={ROW_HEIGHT}
      follow={at}
      addedAtTop={list[0]?.id ?? 0}
      attributes={{
        id: 'list',
        class: 'list',
        role: 'listbox',
        tabIndex: 0,
        'aria-label': 'Deliveries, the newest first',
        ...(at === -1 ? {} : { 'aria-activedescendant': optionId(selected ?? 0) }),
      }}
      row={(index) => {
        const delivery = list[index] as DeliverySummary;
        return (
          <Row
            key={delivery.id}
            delivery={delivery}
            isSelected={delivery.id === selected}
            position={index + 1}
            count={list.length}
            select={select}
          />
        );
      }}
    />
  );
}

interface RowProps {
  readonly delivery: DeliverySummary;
  readonly isSelected: boolean;
  readonly position: number;
  readonly count: number;
  readonly select: (id: number) => void;
}

function Row({ delivery, isSelected, position, count, select }: RowProps) {
  const { id, outcome, receivedAt, status, keyRole, endpoint, cause, method, url, durationMs, replayOf } =
    delivery;
  const { label, mark } = OUTCOMES[outcome];
  const facts = [
    endpoint,
    status === undefined ? undefined : `status ${status}`,
    keyRole === undefined ? undefined : `${keyRole} key`,
    replayOf === undefined ? undefined : `replay of #${replayOf}`,
    millisecondsOf(durationMs),
  ];
  return (
    // The listbox has the focus and the keys; a row needs only the pointer.
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    <div
      id={optionId(id)}
      class={`row ${outcome}`}
      role="option"
      tabIndex={-1}
      aria-selected={isSelected}
      aria-posinset={position}
      aria-setsize={count}
      onClick={() => select(id)}
    >
      <span class={`badge ${outcome}`}>
        <span aria-hidden="true">{mark}</span> {label}
      </span>
      <span class="row-title">{visible(titleOf(delivery))}</span>
      <time class="row-time" dateTime={receivedAt}>
        {timeOf(receivedAt)}
      </time>
      <span class="row-cause">{visible(cause ?? `${method} ${url}`)}</span>
      <span class="row-facts">{visible(facts.filter((each) => each !== undefined).join(' · '))}</span>
    </div>
  );
}
