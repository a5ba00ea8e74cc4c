/** A definition that contradicts itself: what is wrong, the field that the error must name in quotation marks, and what is changed. */
export type Contradiction = readonly [
  what: string,
  field: string,
  changes: Readonly<Record<string, unknown>>,
];
