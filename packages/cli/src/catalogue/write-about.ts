// A step of the build: the published schemes leave out what is written about the senders, and `countersign senders` shows it.
import { writeFileSync } from 'node:fs';
import { ABOUT_FILE, fromSchemes } from './about.ts';

const about = fromSchemes();
if (about === undefined)
  throw new Error(
    'The schemes contain nothing about the senders: run this with the condition "countersign-source".',
  );
writeFileSync(new URL(`../../dist/${ABOUT_FILE}`, import.meta.url), JSON.stringify(about));
