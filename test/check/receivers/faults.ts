import { DELIVERY_FAULTS } from './delivery-faults.ts';
import type { PlantedFault } from './planted-fault.ts';
import { python } from './python.ts';
import { SIGNATURE_FAULTS } from './signature-faults.ts';

const PYTHON_FAULTS: readonly PlantedFault[] = [
  {
    mistake: 'verifies json.dumps(json.loads(body))',
    ...{
      host: 'Python',
      sender: 'github',
      row: 'bytes-spacing',
      consequences: [
        /^bytes-/,
        'altered-spacing',
        'malformed-json',
        'not-utf8',
        'empty-post',
        'compressed-junk',
        'oversized',
        'connection-reuse',
      ],
    },
    start: python('dumps'),
  },
  {
    mistake: 'reads a header that may be missing, so that the thread ends',
    ...{ host: 'Python', sender: 'github', row: 'unsigned', consequences: ['empty-post'] },
    start: python('missing-header'),
  },
  {
    mistake: 'makes a text of a second secret that is not set: "None"',
    ...{ host: 'Python', sender: 'github', row: 'key-none' },
    start: python('none'),
  },
  {
    mistake: 'decodes the body before it verifies',
    ...{ host: 'Python', sender: 'github', row: 'not-utf8', consequences: ['compressed-junk'] },
    start: python('decode'),
  },
  {
    mistake: 'reads what has arrived so far',
    ...{
      host: 'Python',
      sender: 'github',
      row: 'slow-body',
      consequences: ['large-body', 'broken-off', 'connection-reuse'],
    },
    start: python('read1'),
  },
  {
    mistake: 'writes the traceback into the response',
    ...{ host: 'Python', sender: 'github', row: 'leak-stack' },
    start: python('traceback'),
  },
  {
    mistake: 'shares a set of ids between threads without a lock',
    ...{ host: 'Python', sender: 'github', row: 'parallel' },
    start: python('unlocked'),
  },
];

/** Every planted fault. */
export const FAULTS: readonly PlantedFault[] = [...SIGNATURE_FAULTS, ...DELIVERY_FAULTS, ...PYTHON_FAULTS];
