import { checkKeys, configError } from '../../util/options.ts';

/**
 * What a value of a definition must look like. A shape throws `ERR_WEBHOOK_CONFIG_INVALID` with the field's name if the value differs.
 * Tables of shapes describe the whole scheme language, so that no field is left unchecked.
 */
export type Shape = (value: unknown, name: string) => void;

type FieldsOf<T> = T extends unknown ? keyof T & string : never;

/** An object with these fields and no others. With `T`, the compiler checks that the table has every field of that type. */
export function object<T = Record<string, unknown>>(fields: Readonly<Record<FieldsOf<T>, Shape>>): Shape {
  const known = Object.keys(fields);
  return (value, name) => {
    checkKeys(name === '' ? 'defineScheme()' : `"${name}"`, value, known);
    for (const [field, shape] of Object.entries<Shape>(fields))
      shape((value as Record<string, unknown>)[field], name === '' ? field : `${name}.${field}`);
  };
}

/** A value of the shape, or `undefined`. */
export function optional(shape: Shape): Shape {
  return (value, name) => {
    if (value !== undefined) shape(value, name);
  };
}

/** One of these values. */
export function oneOf(...values: readonly (string | number | boolean)[]): Shape {
  return (value, name) => {
    if (!values.some((each) => each === value))
      throw configError(`"${name}" must be one of ${values.map((each) => JSON.stringify(each)).join(', ')}.`);
  };
}

/** A list of values that have the shape. */
export function listOf(shape: Shape, min = 0): Shape {
  return (value, name) => {
    if (!Array.isArray(value) || value.length < min)
      throw configError(`"${name}" must be a list${min === 0 ? '' : ` of ${min} or more`}.`);
    for (const each of value) shape(each, name);
  };
}

/** A value of the shape, or a list of such values. */
export function oneOrMore(shape: Shape): Shape {
  const list = listOf(shape, 1);
  return (value, name) => (Array.isArray(value) ? list : shape)(value, name);
}

/** An object whose names and values have these shapes. */
export function recordOf(key: Shape, shape: Shape): Shape {
  return (value, name) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw configError(`"${name}" must be an object of names.`);
    for (const [each, member] of Object.entries(value)) {
      key(each, `${name}.${each}`);
      shape(member, `${name}.${each}`);
    }
  };
}

/** The shape that the value itself selects. */
export function either(select: (value: Readonly<Record<string, unknown>>) => Shape): Shape {
  return (value, name) => {
    const given = value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
    select(given as Readonly<Record<string, unknown>>)(value, name);
  };
}

/** A field that this variant of an object must not have. */
export function absent(reason: string): Shape {
  return (value, name) => {
    if (value !== undefined) throw configError(`"${name}" ${reason}: leave it out.`);
  };
}

/** Text that fits the pattern. */
export function textLike(pattern: RegExp, description: string): Shape {
  return (value, name) => {
    if (typeof value !== 'string' || !pattern.test(value))
      throw configError(`"${name}" must be ${description}.`);
  };
}

/** A number from `min` to `max`. */
function number(min: number, max: number, unit = 'a number'): Shape {
  return (value, name) => {
    if (typeof value !== 'number' || !(value >= min && value <= max))
      throw configError(`"${name}" must be ${unit} from ${min} to ${max}.`);
  };
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number, unit = 'a whole number'): Shape {
  return (value, name) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
      throw configError(`"${name}" must be ${unit} from ${min} to ${max}.`);
  };
}

export const anyText: Shape = textLike(/^/, 'text');
export const text: Shape = textLike(/[\s\S]/, 'text that is not empty');
export const yes: Shape = (value, name) => {
  if (value !== true) throw configError(`"${name}" must be true; leave it out otherwise.`);
};
export const header: Shape = textLike(/^[a-z0-9-]{1,100}$/, 'the name of a header, in lower case');
export const field: Shape = textLike(/^[^.]+(?:\.[^.]+)*$/, 'the dotted path of a JSON field');
/** Text of a header that we send. */
export const headerText: Shape = textLike(/^[ -~]+$/, 'one line of printable ASCII');
export const seconds: Shape = number(1, 366 * 86_400, 'a number of seconds');
export const expectedText: Shape = (value, name) => {
  if (typeof value !== 'string' && value !== true)
    throw configError(`"${name}" must be the text that is expected, or true for any text.`);
};
export const expectedValue: Shape = (value, name) => {
  if (typeof value !== 'string' && typeof value !== 'number')
    throw configError(`"${name}" must be the text or the number that is expected.`);
};
