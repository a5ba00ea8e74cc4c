import { spawn } from 'node:child_process';

// `read` fails when the pipe closes, and that happens however the test process ends, by SIGKILL too.
const WATCH = `
read -r settled && exit
kill -s "$1" "$2"
kill -s CONT "$2"
tries=0
while kill -0 "$2" 2>/dev/null && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
[ -z "$3" ] || rm -rf "$3"
`;

/**
 * Ends a process, and removes its directory, when this process is gone without having done so.
 *
 * @returns Call it when the process has ended: then nothing is left to do.
 */
export function endWithUs(
  pid: number,
  { signal = 'KILL', dir = '' }: { signal?: 'KILL' | 'QUIT'; dir?: string } = {},
): () => void {
  const watcher = spawn('sh', ['-c', WATCH, 'sh', signal, String(pid), dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of reach of a Ctrl-C in the terminal, which would end the watcher first.
    detached: true,
    cwd: '/',
  });
  watcher.unref();
  watcher.stdin.on('error', () => undefined);
  return () => {
    watcher.stdin.end('settled\n');
  };
}
