import type { SortedPart } from '../definition/content-part.ts';
import { headerInvalid } from './header-invalid.ts';
import type { Parameter } from './request-query.ts';

/** Makes the function that writes parameters in the order of their names. */
export function compileSorted(part: SortedPart): (parameters: readonly Parameter[]) => string {
  const { pair, join = '', omit = [], unique = false, replace } = part;
  const raw = part.text === 'as-received';
  const omitted = new Set(omit);
  const write = compilePair(pair);
  return (parameters) => {
    const list: [name: string, value: string][] = [];
    for (const each of parameters) {
      if (omitted.has(each.name)) continue;
      if (replace !== undefined && [...replace.characters].some((character) => each.name.includes(character)))
        throw headerInvalid('The name of a parameter contains a separator of the signed content.');
      list.push(raw ? [each.rawName, each.rawValue] : [each.name, each.value]);
    }
    list.sort(unique ? byNameAndValue : byName);
    let text = '';
    let last: [string, string] | undefined;
    for (const entry of list) {
      if (unique && last?.[0] === entry[0] && last[1] === entry[1]) continue;
      if (last !== undefined) text += join;
      text += write(entry[0], replace === undefined ? entry[1] : replaced(entry[1], replace));
      last = entry;
    }
    return text;
  };
}

/** Makes the function that fills `{name}` and `{value}` into a template. */
export function compilePair(pair: string): (name: string, value: string) => string {
  const pieces = pair.split(/(\{name\}|\{value\})/);
  return (name, value) => {
    let text = '';
    for (const piece of pieces) text += piece === '{name}' ? name : piece === '{value}' ? value : piece;
    return text;
  };
}

function replaced(value: string, replace: { readonly characters: string; readonly with: string }): string {
  let text = '';
  for (const character of value) text += replace.characters.includes(character) ? replace.with : character;
  return text;
}

type Entry = readonly [name: string, value: string];
const byName = ([a]: Entry, [b]: Entry) => (a < b ? -1 : a > b ? 1 : 0);
const byNameAndValue = (a: Entry, b: Entry) => byName(a, b) || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);
