import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { countOwnTimeOnly } from '../../../test/support/own-time.ts';
import { describeWith } from '../../../test/support/servers/available.ts';
import { type Browser, startBrowser } from './support/browser.ts';
import { type Fixture, PREVIOUS, SECRET, startFixture } from './support/fixture.ts';

countOwnTimeOnly();

// What functions use that run in the page. The sources have no names of browsers, so that no code for Node uses one by mistake.
interface Element {
  readonly id: string;
  scrollTop: number;
  readonly scrollHeight: number;
  readonly scrollWidth: number;
  readonly clientWidth: number;
  readonly dataset: Record<string, string | undefined>;
  append(child: unknown): void;
}
interface Frame {
  src: string;
  readonly contentDocument: { readonly body: { readonly textContent: string } } | null;
  addEventListener(name: 'load', listener: (event: unknown) => void): void;
}
declare const document: {
  readonly activeElement: Element | null;
  readonly documentElement: Element;
  readonly body: Element;
  querySelectorAll(selector: string): { readonly length: number };
  getElementById(id: string): Element | null;
  createElement(name: 'iframe'): Frame;
};
declare const navigator: { readonly clipboard: { readText(): Promise<string> } };
declare const window: object;
declare const getComputedStyle: (element: Element) => { readonly backgroundColor: string };
declare const requestAnimationFrame: (callback: (time: number) => void) => void;

const describeWithChromium = await describeWith('chromium');

describeWithChromium('the page in Chromium', () => {
  let browser: Browser;
  let fixture: Fixture;
  let page: Page;

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    fixture = await startFixture();
  });
  afterEach(async () => {
    await page?.close();
    await fixture.close();
    expect(browser.problems.splice(0)).toEqual([]);
  });

  const openPage = async (options?: Parameters<Browser['open']>[1]) => {
    page = await browser.open(fixture.listening.inspectorUrl, options);
    await page.getByText('Live', { exact: true }).waitFor();
    return page;
  };
  const rows = () => page.getByRole('option');
  const detail = () => page.getByRole('region', { name: 'Delivery', exact: true });

  test('deliveries appear live, with verdict, cause, fix, sender, key role, status and time', async () => {
    await openPage();
    await page.getByText('No delivery yet.').waitFor();
    await fixture.send();
    await rows().first().waitFor();
    await fixture.send({ secret: PREVIOUS });
    await fixture.send({
      body: '{"id":"evt_9","type":"order.lost"}',
      sent: '{ "id": "evt_9", "type": "order.lost" }',
    });
    const refused = page.getByRole('option', { name: /Refused/ });
    await page.getByRole('option', { name: /written without spaces/ }).waitFor();
    expect(await rows().allInnerTexts()).toHaveLength(3);
    expect(await rows().last().textContent()).toMatch(
      /Accepted[\s\S]*order\.paid[\s\S]*\d\d:\d\d:\d\d[\s\S]*stripe · status 204 · current key/,
    );
    expect(await rows().nth(1).textContent()).toMatch(/previous key/);
    await refused.click();
    await detail().getByText('ERR_WEBHOOK_SIGNATURE_MISMATCH').waitFor();
    await detail()
      .getByText(/proven:.*The signature matches the same JSON/)
      .waitFor();
    await detail()
      .getByText(/Fix:.*Pass the bytes as received/)
      .waitFor();
    await detail()
      .getByText(/But the target accepted it.*204/)
      .waitFor();
  });

  test('a delivery in detail: headers, JSON, text, bytes, what was signed, timeline, response', async () => {
    await fixture.send({ body: '{"id":"evt_1","nested":{"list":[1,true,null,"größer"]}}' });
    await openPage();
    await rows().first().click();
    await page.getByRole('list', { name: 'Body as JSON' }).waitFor();
    await page.getByText('"größer"').waitFor();
    await page.getByRole('button', { name: 'nested' }).click();
    await page.getByText('1 fields').waitFor();
    await page.getByRole('tab', { name: 'Text' }).click();
    expect(await page.getByRole('group', { name: 'Body as text' }).textContent()).toBe(
      '{"id":"evt_1","nested":{"list":[1,true,null,"größer"]}}',
    );
    await page.getByRole('tab', { name: 'Text' }).press('ArrowRight');
    await page.getByText('7b 22 69 64').waitFor();
    await page.getByRole('tab', { name: 'Headers' }).click();
    await page.getByRole('row', { name: /stripe-signature t=\d+,v1=[0-9a-f]{64}/ }).waitFor();
    await page.getByRole('tab', { name: 'Signed' }).click();
    await page.getByText('{timestamp}.{body}', { exact: true }).waitFor();
    await page.getByRole('row', { name: '{body} the body 57' }).waitFor();
    await page.getByRole('row', { name: 'In all 68' }).waitFor();
    await page.getByRole('tab', { name: 'Timeline' }).click();
    const steps = await page.getByRole('tabpanel').getByRole('listitem').allInnerTexts();
    expect(
      steps.map(
        (text) =>
          text
            .replace(/\+[\d.]+ ms/, '')
            .trim()
            .split(' ')[0],
      ),
    ).toEqual(['received', 'forwarded', 'verified', 'responded']);
    await page.getByRole('tab', { name: 'Response' }).click();
    await page.getByText('No Content').waitFor();
  });

  test('replay signs anew and jumps to the new delivery', async () => {
    await fixture.send({ timestamp: new Date(Date.now() - 3_600_000) });
    await openPage();
    await page.getByRole('option', { name: /Refused.*/ }).click();
    await page.getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByText('Replayed as #2.').waitFor();
    await detail().getByRole('button', { name: '#1' }).waitFor();
    await detail().getByText('Accepted').waitFor();
    expect(fixture.bodies[1]?.equals(fixture.bodies[0] ?? Buffer.of())).toBe(true);
    expect(await page.getByRole('option', { selected: true }).textContent()).toContain('replay of #1');
  });

  test('search and filters', async () => {
    await fixture.send({ body: '{"id":"evt_1","type":"invoice.sent"}' });
    await fixture.send({ path: '/hooks/other' });
    await fixture.post('/hooks/forged', { 'stripe-signature': 't=1,v1=00' }, '{}');
    await openPage();
    await page.getByRole('searchbox').fill('invoice');
    await page.getByText('1 of 3 shown: show all').waitFor();
    expect(await rows().count()).toBe(1);
    await page.getByRole('button', { name: '1 of 3 shown: show all' }).click();
    await page.getByRole('button', { name: 'Refused 1' }).click();
    await page.waitForFunction(() => document.querySelectorAll('[role=option]').length === 1);
    expect(await rows().first().textContent()).toContain('/hooks/forged');
    await page.getByRole('button', { name: 'Accepted 2' }).click();
    await page.waitForFunction(() => document.querySelectorAll('[role=option]').length === 2);
    await page.getByRole('searchbox').fill('nothing like it');
    await page.getByText('No delivery fits the search and the filter.').waitFor();
  });

  test('everything with the keyboard alone', async () => {
    for (let at = 1; at <= 3; at += 1) await fixture.send({ body: `{"id":"evt_${at}","type":"type.${at}"}` });
    await openPage();
    // A key does nothing before the list has its entries.
    await page.getByRole('option').nth(2).waitFor();
    const selected = () => page.getByRole('option', { selected: true });
    await page.keyboard.press('j');
    await selected().getByText('type.3').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('ArrowDown');
    await selected().getByText('type.1').waitFor();
    await page.keyboard.press('k');
    await selected().getByText('type.2').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement?.id === 'detail');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.activeElement?.id === 'list');
    await page.keyboard.press('/');
    await page.waitForFunction(() => document.activeElement?.id === 'search');
    // Keys are text in the search, except Escape.
    await page.keyboard.type('rjk');
    expect(await page.getByRole('searchbox').inputValue()).toBe('rjk');
    await page.keyboard.press('Escape');
    expect(await page.getByRole('searchbox').inputValue()).toBe('');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('r');
    await page.getByText('Replayed as #4.').waitFor();
    // The replayed delivery may still be loading: then the page says so, and copies nothing.
    await expect
      .poll(
        async () => {
          await page.keyboard.press('c');
          return page.getByText('Copied as curl, without secrets.').isVisible();
        },
        { timeout: 60_000 },
      )
      .toBe(true);
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain(`curl --request 'POST' '${fixture.listening.url}/hooks/stripe'`);
    expect(copied).toContain(`--data-raw '{"id":"evt_2","type":"type.2"}'`);
    expect(copied).not.toContain(SECRET.slice(6));
  });

  test('hostile bodies are shown as text: HTML, scripts, direction marks, a megabyte, bytes', async () => {
    const html =
      '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script></script><b id="bold">\u202etxt.exe';
    await fixture.send({ body: html });
    await fixture.send({ body: JSON.stringify({ type: html, [html]: html, __proto__: { a: 1 } }) });
    await fixture.send({ body: Buffer.concat([Buffer.from('{"id":'), Buffer.alloc(1024 * 1024, 0xff)]) });
    await fixture.send({ body: `{"long":"${'x'.repeat(1024 * 1024)}"}` });
    await fixture.post(`/<script>window.hacked=1</script>`, { 'x-html': html.replace('\u202e', '') }, html);
    await openPage();
    expect(await page.locator('#bold, #app img, #app script').count()).toBe(0);
    const panel = page.getByRole('tabpanel').first();
    await rows().last().click();
    await panel.getByText('\\u202etxt.exe').waitFor();
    await rows().nth(3).click();
    await panel.getByText('onerror').first().waitFor();
    await rows().nth(2).click();
    await page.getByText('not UTF-8 text, so only its bytes are shown').waitFor();
    await page.getByText('7b 22 69 64 22 3a ff').waitFor();
    expect(await page.locator('.hex-row').count()).toBeLessThan(100);
    await rows().nth(1).click();
    await page.getByRole('button', { name: 'show all 1048578 characters' }).click();
    await page.getByRole('tab', { name: 'Text' }).click();
    await page.getByRole('button', { name: 'show all 1.0 MiB' }).click();
    expect((await page.getByRole('group', { name: 'Body as text' }).textContent())?.length).toBe(
      1024 * 1024 + 11,
    );
    await rows().first().click();
    await page.getByRole('tab', { name: 'Headers' }).click();
    await page.getByText('onerror').first().waitFor();
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(await page.locator('#bold, #app img, #app script').count()).toBe(0);
  });

  test('5,000 deliveries: few elements, and no long pause while scrolling, searching and receiving', async () => {
    await openPage();
    const headers = { 'content-type': 'application/json', 'stripe-signature': 't=1,v1=00' };
    let sent = 0;
    const sender = async () => {
      while (sent < 5000) {
        sent += 1;
        await fetch(`${fixture.listening.url}/hooks/${sent}`, {
          method: 'POST',
          headers,
          body: `{"n":${sent}}`,
        });
      }
    };
    await Promise.all(Array.from({ length: 16 }, sender));
    await page.getByRole('button', { name: 'All 5000' }).waitFor();
    expect(await rows().count()).toBeLessThan(60);
    // The longest time in which the page could not react, while it scrolls through all of the list.
    const longest = await page.evaluate(async () => {
      const list = document.getElementById('list') as Element;
      let longestMs = 0;
      let last = performance.now();
      for (let frame = 0; frame < 90; frame += 1) {
        list.scrollTop = (list.scrollHeight / 90) * frame;
        await new Promise(requestAnimationFrame);
        longestMs = Math.max(longestMs, performance.now() - last);
        last = performance.now();
      }
      return longestMs;
    });
    // Without a virtual list it takes seconds. The limit bears a machine that does much else.
    expect(longest).toBeLessThan(1500);
    console.info(`5,000 deliveries: the longest frame took ${Math.round(longest)} ms`);
    await page.getByRole('searchbox').fill('/hooks/77');
    await page.getByText('11 of 5000 shown').waitFor();
    // The oldest is dropped when one more arrives.
    await fetch(`${fixture.listening.url}/hooks/last`, { method: 'POST', headers, body: '{}' });
    await page.getByRole('searchbox').fill('/hooks/last');
    await rows().first().waitFor();
    await page.getByRole('button', { name: 'All 5000' }).waitFor();
  });

  test('a page of another origin can neither read nor frame nor call it', async () => {
    await fixture.send();
    const other = createServer((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>other</title>'),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      page = await browser.open(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
      // Even if it knew the token.
      const result = await page.evaluate(async (url) => {
        const attempt = async (init?: RequestInit) => {
          try {
            const response = await fetch(`${url}api/deliveries`, init);
            return `${response.type} ${(await response.text()).length}`;
          } catch {
            return 'blocked';
          }
        };
        const frame = document.createElement('iframe');
        frame.src = url;
        document.body.append(frame);
        await new Promise((resolve) => frame.addEventListener('load', resolve));
        let framed = 'unreadable';
        try {
          framed = frame.contentDocument?.body?.textContent ?? 'unreadable';
        } catch {
          // As it should be.
        }
        return {
          plain: await attempt(),
          opaque: await attempt({ mode: 'no-cors' }),
          post: await attempt({ method: 'POST', mode: 'no-cors' }),
          framed,
        };
      }, fixture.listening.inspectorUrl);
      expect(result).toEqual({ plain: 'blocked', opaque: 'blocked', post: 'blocked', framed: 'unreadable' });
      browser.problems.length = 0;
    } finally {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    }
  });

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('%s, %i pixels wide: nothing overflows, and axe finds nothing', async (colorScheme, width) => {
    await fixture.send({
      body: `{"id":"evt_1","type":"${'very.long.type.'.repeat(12)}","text":"${'word'.repeat(80)}"}`,
    });
    await fixture.send({ path: `/hooks/${'deep/'.repeat(40)}?${'q'.repeat(200)}` });
    await fixture.post('/hooks', { 'stripe-signature': 't=1,v1=00' }, '{}');
    await openPage({ colorScheme, width, height: 760 });
    // axe is slow. What differs between the four is found by a few of its rules.
    const isFirst = colorScheme === 'light' && width === 1280;
    const check = async (where: string, isThorough = isFirst) => {
      const overflow = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return scrollWidth - clientWidth;
      });
      expect(overflow, where).toBe(0);
      expect(await violations(page, isThorough ? 'all' : 'appearance'), where).toEqual([]);
    };
    await check('list');
    await rows().first().click();
    await detail().getByText('Refused').waitFor();
    await check('refused');
    if (width < 760) await page.getByRole('button', { name: 'All deliveries' }).click();
    await rows().last().click();
    await page.getByRole('list', { name: 'Body as JSON' }).waitFor();
    await check('JSON');
    for (const name of ['Text', 'Bytes', 'Headers', 'Signed', 'Timeline', 'Response']) {
      await page.getByRole('tab', { name }).click();
      await check(name, isFirst && name === 'Signed');
    }
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await check('help', false);
  });

  test('colors follow the system until they are chosen', async () => {
    await openPage({ colorScheme: 'dark' });
    const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await back();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await back();
    expect(light).not.toBe(dark);
    await page.keyboard.press('t');
    expect(await back()).toBe(light);
    await page.keyboard.press('t');
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
    expect(await back()).toBe(dark);
    await page.reload();
    expect(await back()).toBe(dark);
    await page.keyboard.press('t');
  });
});

const RULES = {
  all: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  appearance: { type: 'rule', values: ['color-contrast', 'scrollable-region-focusable', 'target-size'] },
} as const;

/** What axe finds, as short texts. Its script is not subject to the page's policy. */
async function violations(page: Page, which: keyof typeof RULES): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async ({ type, values }) => {
    const { axe: tool } = window as unknown as { axe: typeof axe };
    const { violations: found } = await tool.run(document, { runOnly: { type, values: [...values] } });
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  }, RULES[which]);
}
