import type { Settings } from '../rotate-options.ts';
import { publishedKey } from '../run/run.ts';
import type { Survey } from '../run/survey.ts';
import type { GuidedVendor } from './guide.ts';

/**
 * The steps of a guided rotation in a plan, from the lock to the moment at which the new secret becomes `current`.
 *
 * @param waiting The wait for the instances, if there is one.
 */
export function guidedSteps(
  { vendor, target, health, waitMs }: Settings<GuidedVendor>,
  found: Survey,
  waiting: readonly string[],
): string[] {
  const { obtain, switchOver, order, url, isShownAgain } = vendor.guide;
  const at = url === undefined ? '' : ` at ${url}`;
  const handOver = `wait until a person has done this${at}, and has passed on the new secret: ${obtain}`;
  const isPublished = publishedKey(found) !== undefined;
  const firstMatch =
    health === undefined
      ? []
      : [
          `Wait for a delivery that is verified with the new secret. If none comes within ${waitMs / 1000} s, the person decides.`,
        ];
  if (order === 'shown-first') {
    const publish = [`Publish the new secret as "next" in ${target.name}, and announce the rotation there.`];
    return [
      ...(isPublished ? [] : [capitalized(handOver)]),
      ...(isPublished && found.mayHaveRotated ? [] : [...publish, ...waiting]),
      `Write this to the journal, and wait until a person has done this${at}: ${switchOver}`,
      ...firstMatch,
    ];
  }
  if (isPublished) return firstMatch;
  return [
    `Announce the rotation in ${target.name}.`,
    ...waiting,
    ...(found.mayHaveRotated && isShownAgain
      ? [`Ask a person for the secret that ${vendor.name} shows now. If it is a new one, skip the next step.`]
      : []),
    `Write this to the journal, and ${handOver}`,
    `Publish the new secret as "next" in ${target.name}.`,
    ...firstMatch,
  ];
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
