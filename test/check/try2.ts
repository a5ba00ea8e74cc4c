import * as schemes from '@countersign/schemes';
import { generateSigningKeys } from '@countersign/testing';
import { checked, faultsOf, fileIn, withFolder } from './run-check.ts';
import { FAULTS } from './receivers/faults.ts';
import { RIGHT } from './receivers/right.ts';
const word = process.argv[2] ?? '';
for (const f of [...FAULTS, ...RIGHT.map((r) => ({ ...r, mistake: 'right', row: '-', consequences: [] }))]) {
  const title = `${f.host} ${f.sender} ${f.mistake}`;
  if (!title.includes(word)) continue;
  const [secret, previous] = [1, 2].map(() => generateSigningKeys((schemes as any)[f.sender]()).signingSecret) as [string, string];
  await withFolder(async (folder) => {
    const ran = `${folder}/ran`;
    const receiver = await f.start({ secret, previous, ran });
    const fail = await fileIn(folder, 'fail', f.sender === 'twilio' ? 'note=please-fail' : '{"note":"please-fail"}');
    const report = await checked(f.sender, receiver.port, { secret, previous, ran, more: ['--fail-body', fail] });
    console.log(title, '->', f.row, report.summary, faultsOf(report), report.rows.filter((r) => r.verdict === 'not judged').map((r) => r.name));
    await receiver.close();
  });
}
process.exit();
