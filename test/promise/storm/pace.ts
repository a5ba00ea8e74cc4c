const STEP_MS = 5;

/** Something that is due at a moment of the plan. */
export interface Due {
  readonly atMs: number;
  begin(): Promise<unknown>;
}

/**
 * Begins everything at its moment, by a clock that stops while `isBusy()`. On a slow machine the same inputs take longer, and the
 * receivers are not overloaded. Resolves when everything that was begun has ended, or rejects when something has failed.
 */
export async function carryOut(plan: readonly Due[], isBusy: () => boolean): Promise<void> {
  const left = [...plan].sort((some, other) => other.atMs - some.atMs);
  const begun: Promise<unknown>[] = [];
  let failure: { readonly error: unknown } | undefined;
  const begin = (due: Due): Promise<unknown> =>
    due.begin().catch((error: unknown) => {
      failure ??= { error };
    });
  let planMs = 0;
  let last = performance.now();
  while (left.length > 0) {
    const now = performance.now();
    if (!isBusy()) planMs += Math.min(now - last, 10 * STEP_MS);
    last = now;
    for (let next = left.at(-1); next !== undefined && next.atMs <= planMs; next = left.at(-1)) {
      left.pop();
      begun.push(begin(next));
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    if (failure !== undefined) throw failure.error;
  }
  await Promise.all(begun);
  if (failure !== undefined) throw failure.error;
}
