/** What a handler does with a delivery. */
export type Work = () => void;

const WORK_MS = 0.02;

/** The handlers that are measured, by their names. */
export const works: Readonly<Record<string, Work>> = {
  'an empty handler': () => undefined,
  'a handler that works for 20 µs': () => {
    const end = performance.now() + WORK_MS;
    while (performance.now() < end);
  },
};

export const EMPTY = 'an empty handler';
export const WORKING = 'a handler that works for 20 µs';
