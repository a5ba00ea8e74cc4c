import { WebhookError } from '../webhook-error.ts';

/**
 * Makes the error for a wrong option. The message must name the option and say what to write instead.
 *
 * @example
 * ```ts
 * if (path === '') throw configError('"path" must not be empty.')
 * ```
 */
export function configError(message: string): WebhookError {
  return new WebhookError('ERR_WEBHOOK_CONFIG_INVALID', message);
}

/**
 * Checks that `options` is an object with known keys only. If an unknown key resembles a known one, the error suggests that one.
 *
 * @param owner What the message calls the options: `createVerifier()`.
 * @returns A copy that has only the object's own properties. Read your options from it: if another library has set
 * `Object.prototype.replay`, a missing option must not be read from there.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * options = checkKeys('envSecrets()', options, ['env'])
 * ```
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

/**
 * Returns an option that is a number, or `fallback` if it is `undefined`. NaN and infinities are refused, so that they can't switch a
 * limit off.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if it is not a finite number within the bounds.
 * @example
 * ```ts
 * const seconds = checkNumber('leaseSeconds', options.leaseSeconds, { min: 1, max: 86_400, fallback: 30 })
 * ```
 */
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
 * Returns an option that is one of a few words, or the first of them if it is `undefined`. If an unknown word resembles a known one,
 * the error suggests that one.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * const claim = checkChoice('claim', options.claim, ['auto', 'manual'])
 * ```
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

/**
 * Checks that the option `clock` is a {@link Clock} or `undefined`. Without this check, a clock that lacks a method would fail at the
 * first delivery.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * checkClock(options.clock)
 * const { clock = systemClock } = options
 * ```
 */
export function checkClock(clock: unknown): void {
  if (clock === undefined) return;
  const given = clock as Partial<Record<'now' | 'monotonic' | 'schedule', unknown>> | null;
  for (const method of ['now', 'monotonic', 'schedule'] as const) {
    if (typeof given?.[method] !== 'function') {
      throw configError('"clock" must have the methods now(), monotonic() and schedule().');
    }
  }
}

/**
 * Checks that an option is a function or `undefined`.
 *
 * @throws `ERR_WEBHOOK_CONFIG_INVALID`
 * @example
 * ```ts
 * checkFunction('observe', options.observe)
 * ```
 */
export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw configError(`"${name}" must be a function.`);
}

/**
 * Returns the known word that the user probably meant, or `undefined`.
 *
 * @example
 * ```ts
 * suggest('strype', ['stripe', 'github']) // 'stripe'
 * ```
 */
export function suggest(word: string, known: readonly string[]): string | undefined {
  // The most common mistake is a missing unit: `tolerance` for `toleranceSeconds`.
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

/**
 * A frozen copy of a definition, without the prototypes of its objects: what another library adds to `Object.prototype` is not part of
 * a definition.
 *
 * @param owner What the message calls the function that takes the definition: `defineScheme()`.
 * @throws `ERR_WEBHOOK_CONFIG_INVALID` if the definition contains a function.
 * @example
 * ```ts
 * const fixed = copyDefinition('defineAcmeScheme()', definition)
 * ```
 */
export function copyDefinition<T>(owner: string, definition: T): T {
  try {
    return ownFieldsOf(structuredClone(definition));
  } catch {
    throw configError(`${owner} takes data only: a definition must not contain functions.`);
  }
}

function ownFieldsOf<T>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
  for (const each of Object.values(value)) ownFieldsOf(each);
  if (!Array.isArray(value)) Object.setPrototypeOf(value, null);
  return Object.freeze(value);
}
