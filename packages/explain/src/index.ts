export type { Cause, CauseCode, Explanation } from './cause.ts';
export { type ExplainOptions, explain } from './explain.ts';
export { explainRefusals } from './explain-refusals.ts';
