/** Where the documentation is served. The manifests repeat it as their homepage, and a test compares them. */
export const DOCS = 'https://countersign.github.io/countersign/';

/**
 * The page that says what a code means and what to do. For operators: a sender must never get it.
 *
 * @param code A code of an error or of a process warning.
 * @example
 * ```ts
 * process.emitWarning(message, { code, detail: `See ${pageOfCode(code)}` })
 * ```
 */
export function pageOfCode(code: string): string {
  return `${DOCS}errors/${code}`;
}
