import { describe, expect, test } from 'vitest';
import { CATALOGUE, rulesOf } from '../support/catalogue.ts';
import { GeneralFixture } from '../support/matrix/general.ts';
import { generalCases } from '../support/matrix/general-cases.ts';
import { MATRIX, runMatrix } from '../support/matrix/index.ts';
import { isClassic } from '../support/rules.ts';

for (const { name, factory, scheme, entry } of CATALOGUE) {
  if (entry === undefined) {
    test(`${name} has an entry in test/catalogue`, () => {
      throw new Error(
        `No file of test/catalogue says "factory: '${factory}'": add one, with the "refusalStatus" that the sender's retries call for. \`npm run new:sender\` makes it together with the sender.`,
      );
    });
    continue;
  }
  const { testedWith: proof } = scheme.definition.about ?? {};
  const title = proof === 'formula-only' ? `${name} (formula only)` : name;
  const { refusalStatus } = entry;
  for (const [index, form] of rulesOf(scheme).entries()) {
    const place = JSON.stringify(form.signature.header ?? form.signature);
    if (isClassic(scheme.definition, form)) {
      describe(`${title}, signed in ${place}`, () => {
        for (const [kind, rows] of Object.entries(MATRIX)) {
          test(`${kind}: every row is checked as it must be`, async () => {
            const { failures } = await runMatrix({ scheme, form, refusalStatus }, rows);
            expect(failures).toEqual([]);
          });
        }
      });
      continue;
    }
    test(`${title}, signed in ${place}: every case is checked as it must be`, async () => {
      const fixture = new GeneralFixture(scheme, index, entry);
      const failures: string[] = [];
      for (const each of generalCases(fixture, form)) {
        const before = fixture.runs;
        const answer = await fixture.send(each.request());
        const handled = fixture.runs > before;
        if (each.wanted !== 'either' && handled !== (each.wanted === 'handled'))
          failures.push(`${each.name}: got ${answer.status}, the handler ran ${fixture.runs - before} times`);
        if (!handled && answer.status < 400) failures.push(`${each.name}: got ${answer.status}`);
        if (fixture.secrets.some((secret) => String(answer.body).includes(secret)))
          failures.push(`${each.name}: the response holds a secret`);
        if (each.name === 'signed with a foreign key' && answer.status !== refusalStatus)
          failures.push(`${each.name}: got ${answer.status}, not ${refusalStatus}`);
      }
      await fixture.close();
      expect(failures).toEqual([]);
    });
  }
}
