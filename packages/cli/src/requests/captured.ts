/** A captured request, as `explain` takes it. */
export interface CapturedRequest {
  readonly method?: string;
  readonly url?: string;
  /** Name, value, name, value, …: the only form that shows every repetition. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly receivedAt?: Date;
}

/** A form in which requests are captured. */
export type CaptureForm = 'HTTP text' | 'HAR' | 'curl command' | 'JSON record';

/** A file of captured requests that can't be read. The message completes "The file …", and says what was expected in which line. */
export class UnreadableCapture extends Error {
  constructor(
    readonly form: CaptureForm,
    readonly line: number | undefined,
    expected: string,
  ) {
    super(`can't be read as ${form}${line === undefined ? '' : `, line ${line}`}: ${expected}`);
    this.name = 'UnreadableCapture';
  }
}
