import type { Console } from '../console.ts';
import { visible } from '../output.ts';

/** Returns a function that says what a command waits for, whenever more than the times in it has changed. */
export function waitNotes({ stderr }: Console): (waits: string) => void {
  let said = '';
  return (waits) => {
    const lasting = waits.replace(/\d[\d.]* (?:s|minutes|hours|days)\b/g, '');
    if (lasting !== said) stderr.write(`${visible(`Waiting. ${waits}`)}\n`);
    said = lasting;
  };
}
