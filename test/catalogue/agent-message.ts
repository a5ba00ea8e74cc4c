import { agentMessage } from '@countersign/schemes';
import type { CatalogueEntry } from '../support/catalogue-entry.ts';

export const entry: CatalogueEntry = {
  factory: 'agentMessage',
  refusalStatus: 503,
  variants: {
    'agent-message, keys as text': () => agentMessage({ keyEncoding: 'utf8' }),
    'agent-message, keys in hex': () => agentMessage({ keyEncoding: 'hex' }),
  },
};
