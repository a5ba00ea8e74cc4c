#!/usr/bin/env node
import { run } from '@countersign/cli';

process.exitCode = await run(process.argv.slice(2), process);
