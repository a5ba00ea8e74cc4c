export type { Cause, CauseCode, Explanation } from './cause.ts';
export { type ExplainOptions, explain } from './explain.ts';
export { explainRefusals, isExplainable } from './explain-refusals.ts';
