import { github } from '@countersign/schemes';
import * as octokit from '@octokit/webhooks-methods';
import type { Group } from '../group.ts';
import { githubByHand } from '../references.ts';
import { tern } from './tern.ts';

export const githubGroup: Group = {
  name: 'GitHub',
  scheme: github(),
  secrets: ['a-text-secret-of-some-length', 'another-secret-of-the-same', 'one-that-nobody-here-knows'],
  byHand(secrets, request) {
    const verify = githubByHand(secrets);
    return () => verify(request);
  },
  peers: [
    {
      // It needs text, so the decoding that a receiver has to do for it counts.
      name: '@octokit/webhooks-methods',
      make([secret = '', ...others], { headers, body }) {
        const header = headers['x-hub-signature-256'] ?? '';
        if (others.length === 0) return () => octokit.verify(secret, body.toString(), header);
        return () => octokit.verifyWithFallback(secret, body.toString(), header, others);
      },
    },
    { name: 'tern', make: tern('github') },
  ],
};
