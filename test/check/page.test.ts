import { expect, test } from 'vitest';
import { GROUPS } from '../../packages/cli/src/check/row.ts';
import { ROWS } from '../../packages/cli/src/check/rows/index.ts';

const INTRODUCTION = `# What \`countersign check\` looks for

\`countersign check <sender> --to URL\` sends a receiver genuine deliveries and forgeries, and compares what it does with what is right. The receiver
may be written in any language. [The README](../packages/cli/README.md#check) shows how to run it.

A row is left out if it does not concern the sender: no row asks for old times if the sender signs none. Countersign's own verifier decides that.
With \`--ran\`, the runs of your handler are counted, too. Without it, only responses are judged, and rows that are only about runs say *not judged*.

Each row below says what a right receiver does, what it costs if yours does otherwise, and how to fix it.
`;

/** The page of the rows. \`npx vitest run test/check/page.test.ts -u\` writes it anew. */
function page(): string {
  const groups = Object.entries(GROUPS).map(([group, title]) => {
    const rows = ROWS.filter((row) => row.group === group).map(
      ({ name, title, severity, why, fix }) =>
        `### ${name}\n\n${title}. Severity: ${severity}.\n\n- **Why it matters:** ${why}\n- **Fix:** ${fix}\n`,
    );
    return [`## ${title}\n`, ...rows].join('\n');
  });
  return [INTRODUCTION, ...groups].join('\n');
}

test('docs/check.md lists exactly the rows that exist', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/check.md');
});

test('each row has a name of its own, and whole sentences', () => {
  expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
  for (const { name, title, why, fix } of ROWS) {
    expect(name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    expect(title, name).toMatch(/^[A-Z].*[^.]$/);
    expect(why, name).toMatch(/^[A-Z].*\.$/s);
    expect(fix, name).toMatch(/^[A-Z].*\.$/s);
  }
});
