import type { Scheme } from '@countersign/core';
import { type CapturedHead, printable } from './captured-request.ts';
import type { Finding } from './cause.ts';
import { headersOf, rulesOfScheme, signatureHeaders } from './rule-facts.ts';
import type { Variant } from './trials.ts';

const MAX_OTHER_HEADERS = 40;

/** Heads with the headers as the sender may have sent them: split, joined, trimmed, or under their own names. */
export function* headerVariants(
  head: CapturedHead,
  scheme: Scheme<unknown>,
): Generator<Variant<CapturedHead>> {
  const names = headersOf(scheme);
  yield* repaired(head, names);
  yield* renamed(head, scheme);
}

type Repair = readonly [what: string, repair: (values: readonly string[]) => string | undefined];

const REPAIRS: readonly Repair[] = [
  ['only its first value', (values) => (values.length > 1 ? values[0] : undefined)],
  ['only its last value', (values) => (values.length > 1 ? values.at(-1) : undefined)],
  ['its values joined by commas', (values) => (values.length > 1 ? values.join(',') : undefined)],
  ['its values joined by commas and spaces', (values) => (values.length > 1 ? values.join(', ') : undefined)],
  ['its values joined by spaces', (values) => (values.length > 1 ? values.join(' ') : undefined)],
  ['no white space around it', ([value = '']) => value.trim()],
  ['no quotation marks around it', ([value = '']) => value.trim().replace(/^(["'])(.*)\1$/, '$2')],
  ['no white space after its commas', ([value = '']) => value.replace(/,\s+/g, ',').trim()],
  ['no white space', ([value = '']) => value.replace(/\s+/g, '')],
  ['only the part before its first comma', ([value = '']) => value.split(/\s*,\s*/)[0]],
  ['only the part after its last comma', ([value = '']) => value.split(/\s*,\s*/).at(-1)],
  ['the first half of its repeated text', ([value = '']) => half(value)],
  ['spaces instead of the commas', ([value = '']) => value.replace(/\s*,\s*(?=v[0-9])/g, ' ')],
  ['commas instead of the spaces', ([value = '']) => value.replace(/\s+/g, ',')],
  ['commas instead of the semicolons', ([value = '']) => value.replace(/;\s*/g, ',')],
  ['semicolons instead of the commas', ([value = '']) => value.replace(/,\s*/g, ';')],
  ['no percent-encoding', ([value = '']) => decoded(value)],
  ['"+" instead of spaces', ([value = '']) => value.trim().replace(/ /g, '+')],
  ['lower case', ([value = '']) => value.toLowerCase()],
];

/** `a, a` becomes `a`. */
function half(value: string): string {
  const middle = Math.floor(value.length / 2);
  const first = value.slice(0, middle).replace(/[,\s]+$/, '');
  return value.slice(middle).replace(/^[,\s]+/, '') === first ? first : value;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function* repaired(head: CapturedHead, names: readonly string[]): Generator<Variant<CapturedHead>> {
  const present = names.filter((name) => head.has(name));
  const finding = (name: string, what: string): Finding => {
    const values = head.values(name).length;
    const state = values > 1 ? 'is repeated' : 'was changed on the way';
    return {
      code: what === 'lower case' || what.startsWith('"+"') ? 'signature-encoding' : 'header-joined',
      message: `The header "${name}" ${state}: the signature matches with ${what}.`,
      evidence: { header: name, values },
    };
  };
  for (const [what, repair] of REPAIRS) {
    let all = head;
    const changed: string[] = [];
    for (const name of present) {
      const values = head.values(name);
      const value = repair(values);
      if (value === undefined || value === '' || (values.length === 1 && values[0] === value)) continue;
      changed.push(name);
      all = all.withHeader(name, value);
      yield { value: head.withHeader(name, value), findings: [finding(name, what)] };
    }
    if (changed.length > 1) yield { value: all, findings: [finding(changed[0] ?? '', what)] };
  }
}

/** The words that proxies and runtimes put before names. */
const ADDED = /^(?:http|x?original|x?forwarded|xamznremapped|xamzmeta|x)+/;

/** A name without what proxies and runtimes change. */
function stem(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(ADDED, '');
}

/** The header that a missing header seems to have become. */
export function renamedHeader(head: CapturedHead, name: string): string | undefined {
  const wanted = stem(name);
  return head.pairs.find(([each]) => each !== name && stem(each) === wanted)?.[0];
}

function* renamed(head: CapturedHead, scheme: Scheme<unknown>): Generator<Variant<CapturedHead>> {
  for (const rule of rulesOfScheme(scheme)) {
    const [signature] = signatureHeaders(rule);
    let all = head;
    const moved: { name: string; arrived: string }[] = [];
    for (const name of headersOf(scheme)) {
      const arrived = head.has(name) ? undefined : renamedHeader(head, name);
      if (arrived === undefined) continue;
      moved.push({ name, arrived });
      all = all.withHeader(name, head.first(arrived) ?? '');
    }
    if (moved.length > 0) yield { value: all, findings: moved.slice(0, 1).map(renamedFinding) };
    if (signature === undefined || head.has(signature)) continue;
    for (const [arrived, value] of head.pairs.slice(0, MAX_OTHER_HEADERS)) {
      if (value.length < 16) continue;
      yield {
        value: all.withHeader(signature, value),
        findings: [renamedFinding({ name: signature, arrived })],
      };
    }
  }
}

/** Says that a header arrived under another name. */
export function renamedFinding({ name, arrived }: { name: string; arrived: string }): Finding {
  return {
    code: 'header-renamed',
    message: `The header "${name}" arrived as "${printable(arrived, 60)}".`,
    evidence: { header: name, arrivedAs: printable(arrived, 60) },
  };
}
