import { CATALOGUE } from '../../support/catalogue.ts';
import { GeneralFixture } from '../../support/matrix/general.ts';
import { runSuites } from './suite.ts';

// For every scheme: what a sender signs is handled, with the current and with the previous secret; what anybody else signs is not.

const cases = CATALOGUE.flatMap(({ name, scheme, entry }) => {
  const deliver = (signedBy: 'keys' | 'previous' | 'foreign', wanted: number) => async () => {
    const fixture = new GeneralFixture(scheme, 0, entry);
    try {
      const secret = fixture[signedBy].signingSecret;
      const { status } = await fixture.send(fixture.request({ secret }));
      if (fixture.runs !== wanted) throw new Error(`${fixture.runs} runs, got ${status}`);
    } finally {
      await fixture.close();
    }
  };
  return [
    { name: `${name}: the current secret`, run: deliver('keys', 1) },
    { name: `${name}: the previous secret`, run: deliver('previous', 1) },
    { name: `${name}: a foreign secret`, run: deliver('foreign', 0) },
  ];
});
await runSuites([{ host: 'every scheme', limits: [], cases }]);
