/** Why `listen()` can't start, in a sentence for the person at the terminal. */
export class ListenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ListenError';
  }
}
