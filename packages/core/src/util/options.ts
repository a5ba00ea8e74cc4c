import { WebhookError } from '../webhook-error.ts';

/** The error for a wrong option. The message names the option and says what to write instead. */
export function configError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}

/**
 * Checks that `options` is an object with known keys only. For a key that looks like a known one, the error says "did you mean".
 *
 * @param owner What the message calls the options: `createVerifier()`.
 * @returns A copy that has only the object's own properties. Read your options from it: if another library has set
 * `Object.prototype.replay`, a missing option must not be read from there.
 */
export function checkKeys<T>(owner: string, options: T, known: readonly string[]): T {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw configError(`${owner} needs an object of options. Known options: ${known.join(', ')}.`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = suggest(key, known);
    const hint = near === undefined ? `Known options: ${known.join(', ')}.` : `Did you mean "${near}"?`;
    throw configError(`${owner} has no option "${key}". ${hint}`);
  }
  return Object.assign(Object.create(null), options);
}

/** A finite number within bounds, or the default if it is `undefined`. Zero, NaN and infinities never switch anything off. */
export function checkNumber(
  name: string,
  value: unknown,
  bounds: { min: number; max: number; fallback: number },
): number {
  if (value === undefined) return bounds.fallback;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < bounds.min || value > bounds.max) {
    throw configError(`"${name}" must be a number from ${bounds.min} to ${bounds.max}.`);
  }
  return value;
}

/**
 * One of a few words, or the first of them if it is `undefined`. For an unknown word, the error says "did you mean".
 */
export function checkChoice<const T extends string>(
  name: string,
  value: unknown,
  choices: readonly [T, ...T[]],
): T {
  if (value === undefined) return choices[0];
  const choice = choices.find((known) => known === value);
  if (choice !== undefined) return choice;
  const near = typeof value === 'string' ? suggest(value, choices) : undefined;
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw configError(`"${name}" must be ${choices.map((known) => `"${known}"`).join(' or ')}.${hint}`);
}

/** A clock or `undefined`. Without this check, a clock without one of the methods would fail at the first delivery. */
export function checkClock(clock: unknown): void {
  if (clock === undefined) return;
  const given = clock as Partial<Record<'now' | 'monotonic' | 'schedule', unknown>> | null;
  for (const method of ['now', 'monotonic', 'schedule'] as const) {
    if (typeof given?.[method] !== 'function') {
      throw configError('"clock" must have the methods now(), monotonic() and schedule().');
    }
  }
}

/** A function or `undefined`. */
export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw configError(`"${name}" must be a function.`);
}

/** The known word that was probably meant, or `undefined`. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  // The most common slip is a missing unit: `tolerance` for `toleranceSeconds`.
  const longer = known.find(
    (candidate) => word.length > 3 && candidate.toLowerCase().startsWith(word.toLowerCase()),
  );
  if (longer !== undefined) return longer;
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
