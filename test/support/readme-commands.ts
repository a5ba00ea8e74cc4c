import { readFileSync } from 'node:fs';

/** A command of a README, and what it promises. */
export interface ReadmeCommand {
  readonly command: string;
  /** Lines of the command's own output (```text). */
  readonly prints: readonly RegExp[];
  /** Lines of the output of the app that the first command started (```log). */
  readonly appLogs: readonly RegExp[];
}

/** The commands of a README, each with the blocks that follow it. `…` stands for anything, as does the number of milliseconds. */
export function readmeCommands(readme: URL): ReadmeCommand[] {
  const commands: { command: string; prints: RegExp[]; appLogs: RegExp[] }[] = [];
  for (const [, kind, text = ''] of readFileSync(readme, 'utf8').matchAll(/^```(\w*)\n(.*?)^```$/gms)) {
    const lines = text.split('\n').filter((line) => line !== '');
    if (kind === 'sh') commands.push(...lines.map((command) => ({ command, prints: [], appLogs: [] })));
    const last = commands.at(-1);
    if (kind === 'text') last?.prints.push(...lines.map(pattern));
    if (kind === 'log') last?.appLogs.push(...lines.map(pattern));
  }
  return commands;
}

function pattern(line: string): RegExp {
  const literal = line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('…', '.*').replace(/\d+(?= ms)/g, '\\d+')}$`, 'm');
}
