// Takes the picture of the inspector for the READMEs: npm run screenshots. With a folder, it takes all views for a look at them:
// npm run screenshots -- FOLDER.
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, startBrowser } from '../packages/inspector/test/support/browser.ts';
import { type Fixture, PREVIOUS, startFixture } from '../packages/inspector/test/support/fixture.ts';

const PICTURE = fileURLToPath(new URL('../docs/inspector.png', import.meta.url));
const MAX_BYTES = 150_000;
const folder = process.argv[2];

/** A few minutes at a shop's endpoint: real requests through the real proxy. */
async function sendDeliveries({ send, post, seen }: Fixture): Promise<void> {
  const event = (type: string, data: object, at = 1) =>
    JSON.stringify({
      id: `evt_1QF3kL2eZvKYlo2C${1000 + at}`,
      object: 'event',
      type,
      livemode: false,
      data: { object: data },
    });
  await send({
    body: event('customer.created', { id: 'cus_R5kX', email: 'ada@example.com', name: 'Ada Byron' }, 1),
  });
  await send({
    body: event('checkout.session.completed', { id: 'cs_test_a1', amount_total: 4200, currency: 'eur' }, 2),
  });
  await send({
    body: event('payment_intent.succeeded', { id: 'pi_3QF3', amount: 4200, currency: 'eur' }, 3),
    secret: PREVIOUS,
  });
  await post(
    '/hooks/stripe',
    { 'content-type': 'application/json', 'user-agent': 'curl/8.14.1' },
    '{"type":"test"}',
  );
  await send({
    body: event('invoice.payment_failed', { id: 'in_1QF3', attempt_count: 2, amount_due: 1900 }, 4),
  });
  await send({
    body: event('charge.refunded', { id: 'ch_3QF3', amount_refunded: 4200 }, 5),
    timestamp: new Date(Date.now() - 5_400_000),
  });
  await send({
    body: event('customer.subscription.updated', { id: 'sub_1QF3', status: 'past_due' }, 6),
    secret: PREVIOUS,
  });
  const paid = {
    id: 'in_1QF4',
    customer: 'cus_R5kX',
    amount_paid: 1900,
    currency: 'eur',
    lines: { total_count: 1, data: [{ id: 'il_1', description: '1 × Pro plan', amount: 1900 }] },
  };
  await send({ body: event('invoice.paid', paid, 7) });
  const sent = event('payout.paid', { id: 'po_1QF3', amount: 118_250, arrival_date: 1_796_083_200 }, 8);
  await send({ body: sent, sent: JSON.stringify(JSON.parse(sent), undefined, 2) });
  await until(() => seen.size === 9);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function views(
  open: (width: number, height: number, colorScheme: 'light' | 'dark') => ReturnType<Browser['open']>,
) {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1280, 390]) {
      const page = await open(width, width === 390 ? 844 : 800, colorScheme);
      const take = (name: string) =>
        page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
      await take('list');
      await page
        .getByRole('option', { name: /Refused/ })
        .first()
        .click();
      await page.getByText('proven:').waitFor();
      await take('refused');
      if (width === 390) await page.getByRole('button', { name: 'All deliveries' }).click();
      await page
        .getByRole('option', { name: /Accepted/ })
        .first()
        .click();
      await page.getByRole('list', { name: 'Body as JSON' }).waitFor();
      await take('json');
      for (const name of ['Headers', 'Signed', 'Timeline', 'Response']) {
        await page.getByRole('tab', { name }).click();
        await take(name.toLowerCase());
      }
      await page.getByRole('tab', { name: 'Body', exact: true }).click();
      await page.getByRole('tab', { name: 'Bytes' }).click();
      await take('bytes');
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await take('help');
      await page.close();
    }
}

const browser = await startBrowser();
const fixture = await startFixture({
  port: 4400,
  inspectorPort: 4401,
  respond: (body) =>
    body.includes('payment_failed') ? { status: 500, body: 'no such customer' } : { status: 204 },
});
try {
  await sendDeliveries(fixture);
  const open = async (width: number, height: number, colorScheme: 'light' | 'dark') => {
    const page = await browser.open(fixture.listening.inspectorUrl, { width, height, colorScheme });
    await page.getByRole('option', { name: /written without spaces/ }).waitFor();
    return page;
  };
  await views(open);
  const page = await open(1000, 600, 'light');
  await page
    .getByRole('option', { name: /Refused/ })
    .first()
    .click();
  await page.getByText('proven:').waitFor();
  await page.screenshot({ path: PICTURE });
  const { size } = statSync(PICTURE);
  console.log(`docs/inspector.png: ${size} bytes`);
  if (size > MAX_BYTES) throw new Error(`The picture is larger than ${MAX_BYTES} bytes.`);
} finally {
  await browser.close();
  await fixture.close();
}
