import type { Recorder } from './recorder.ts';
import { summaryOf } from './views.ts';
import type { ListUpdate } from './wire.ts';

/** Changes within this time are sent together, in milliseconds. */
const TOGETHER_MS = 50;
/** Proxies and browsers end connections that are silent for long. In milliseconds. */
const ALIVE_MS = 15_000;

/** Server-sent events: every change of the list, until the page is closed. A page that is slow gets fewer and larger events. */
export function updateStream(recorder: Recorder): ReadableStream<Uint8Array> {
  const changed = new Set<number>();
  let isDropped = false;
  let timer: NodeJS.Timeout | undefined;
  let alive: NodeJS.Timeout | undefined;
  let unwatch: () => void = () => undefined;
  let sendPending: () => void = () => undefined;
  const stop = () => {
    unwatch();
    clearTimeout(timer);
    clearInterval(alive);
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const send = () => {
        timer = undefined;
        // The page has not read the last one yet: `pull` sends what has changed by then.
        if ((controller.desiredSize ?? 0) <= 0) return;
        const deliveries = [...changed].flatMap((id) => recorder.get(id) ?? []).map(summaryOf);
        changed.clear();
        isDropped = false;
        const update: ListUpdate = { deliveries, oldestId: recorder.oldestId };
        controller.enqueue(Buffer.from(`data: ${JSON.stringify(update)}\n\n`));
      };
      unwatch = recorder.watch((delivery) => {
        if (delivery === 'dropped') isDropped = true;
        else changed.add(delivery.id);
        timer ??= setTimeout(send, TOGETHER_MS);
      });
      alive = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(Buffer.from(':\n\n'));
      }, ALIVE_MS);
      alive.unref?.();
      controller.enqueue(Buffer.from('retry: 1000\n\n'));
      sendPending = () => {
        if (changed.size > 0 || isDropped) timer ??= setTimeout(send, TOGETHER_MS);
      };
    },
    pull: () => sendPending(),
    cancel: stop,
  });
}
