// The answer between yes and no: said in words, by an icon and by a dotted frame, not by colour alone.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { actor, choose, closePage, openPage, screenshots, startBrowser, startServer, summary, withoutData } from './support.mjs';

let server;
let browser;

before(async () => {
  // No two photographs reach the first rate; those of one person reach the second.
  [server, browser] = await Promise.all([startServer({ args: ['--fmr', '1e-8', '--uncertain-fmr', '1e-3'] }), startBrowser()]);
  if (!withoutData) await server.command('enrol', '--subject', 'Elijah Wood', actor('elijah_wood')[0]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const shown = (page, name) => page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: true });

describe('uncertain', { skip: withoutData }, () => {
  for (const scheme of ['light', 'dark']) {
    it(`names the person with "perhaps" and says why, ${scheme}`, async () => {
      const page = await openPage(browser, server, { scheme });
      await choose(page, actor('elijah_wood', 1)[0]);
      assert.match(await summary(page), /^1 face: 1 uncertain/);
      const panel = page.locator('.face-panel');
      assert.equal(await panel.locator('.verdict').innerText(), 'Perhaps Elijah Wood');
      assert.equal(await page.locator('.box-uncertain .box-label').innerText(), 'perhaps Elijah Wood');
      assert.match(await panel.innerText(), /lies between 0\.\d+ and the threshold of 1\.000: close, but not close enough to be sure/);
      assert.match(await panel.locator('.similarity-bar').getAttribute('aria-label'), /uncertain, below the threshold/);
      assert.equal(await page.locator('.bar-mark-lower').count(), 1);
      assert.match(await page.getByLabel('False matches').locator('option').first().innerText(), /^Usual: 1 in 100,000,000, uncertain up to 1 in 1,000$/);
      await shown(page, `identify-uncertain-${scheme}`);
      await closePage(page);
    });

    it(`compares two pictures with the same answer, ${scheme}`, async () => {
      const page = await openPage(browser, server, { route: 'compare', scheme });
      await choose(page, actor('elijah_wood', 0)[0], 0);
      await choose(page, actor('elijah_wood', 1)[0], 1);
      const card = page.locator('.compare-card');
      await card.waitFor();
      assert.equal(await card.locator('h2').innerText(), 'Perhaps the same person');
      assert.equal(await page.locator('.box-uncertain').count(), 2);
      await shown(page, `compare-uncertain-${scheme}`);
      await closePage(page);
    });
  }

  it('is one of two answers again when a single rate is chosen that leaves no room', async () => {
    const page = await openPage(browser, server);
    await choose(page, actor('elijah_wood', 1)[0]);
    await summary(page);
    await page.getByLabel('False matches').selectOption('0.001');
    await page.locator('.verdict-known').waitFor();
    assert.equal(await page.locator('.bar-mark-lower').count(), 0);
    await closePage(page);
  });
});
