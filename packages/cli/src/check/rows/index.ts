import type { Row } from '../row.ts';
import { answerRows, lateRunsRow } from './answers.ts';
import { byteRows } from './bytes.ts';
import { forgedRows } from './forged.ts';
import { genuineRows } from './genuine.ts';
import { handshakeRows } from './handshake.ts';
import { keyRows } from './keys.ts';
import { malformedRows } from './malformed.ts';
import { failureRows, repeatRows, timeRows } from './repeats.ts';
import { transportRows } from './transport.ts';

/** Every row, in the order in which they are judged. */
export const ROWS: readonly Row[] = [
  ...genuineRows,
  ...byteRows,
  ...handshakeRows,
  ...forgedRows,
  ...malformedRows,
  ...keyRows,
  ...timeRows,
  ...repeatRows,
  ...transportRows,
  ...failureRows,
  ...answerRows,
  lateRunsRow,
];
