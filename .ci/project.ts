// Where the project lives. The manifests of the packages repeat it, because JSON can't import: test/project/manifests.test.ts compares them.

import { DOCS } from '../packages/core/src/util/docs.ts';

export const REPOSITORY = 'https://github.com/countersign/countersign';
export const SITE = DOCS;

/** What the manifest of a package in `folder` (from the root) says about the project. */
export function projectFields(folder: string) {
  return {
    license: 'MIT',
    author: 'Countersign contributors',
    homepage: SITE,
    repository: { type: 'git', url: `git+${REPOSITORY}.git`, directory: folder },
    bugs: { url: `${REPOSITORY}/issues` },
  };
}
