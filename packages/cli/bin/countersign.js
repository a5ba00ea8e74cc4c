#!/usr/bin/env node
import { run } from '@countersign/cli';

// What reads the output may end first: `countersign senders | head`. The command goes on, for its exit code.
process.stdout.on('error', ignoreClosedPipe);
process.stderr.on('error', ignoreClosedPipe);

process.exitCode = await run(process.argv.slice(2), process);

function ignoreClosedPipe(error) {
  if (error.code !== 'EPIPE') {
    process.exitCode = 2;
    throw error;
  }
}
