import { nearest } from './suggest.ts';
import { WebhookError } from './webhook-error.ts';

/** Makes the error of a wrong option: it names the option and what to write instead. */
export function configError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}

/**
 * Refuses anything but an object with known keys, with a "did you mean" for a near miss.
 *
 * @param owner How the options are called in the message: `createVerifier()`.
 */
export function checkKeys(owner: string, options: unknown, known: readonly string[]): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw configError(`${owner} wants an object of options. Known options: ${known.join(', ')}.`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const hint = near === undefined ? `Known options: ${known.join(', ')}.` : `Did you mean "${near}"?`;
    throw configError(`${owner} does not know the option "${key}". ${hint}`);
  }
}

/** A finite number within bounds, or the default where it is `undefined`. Zero, NaN and infinities never switch anything off. */
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
 * One of a few words, or the first of them where it is `undefined`. An unknown one is refused with a "did you mean".
 */
export function checkChoice<const T extends string>(
  name: string,
  value: unknown,
  choices: readonly [T, ...T[]],
): T {
  if (value === undefined) return choices[0];
  const choice = choices.find((known) => known === value);
  if (choice !== undefined) return choice;
  const near = typeof value === 'string' ? nearest(value, choices) : undefined;
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  throw configError(`"${name}" must be ${choices.map((known) => `"${known}"`).join(' or ')}.${hint}`);
}

/** A time that a replay store is called with: a finite number of milliseconds above 0. */
export function checkDuration(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw configError(`"${name}" must be a number of milliseconds above 0.`);
}

/** A function or nothing. */
export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw configError(`"${name}" must be a function.`);
}
