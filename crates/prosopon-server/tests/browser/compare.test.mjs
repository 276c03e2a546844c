// The page Compare: two pictures, every pair of faces, the decision and why.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { actor, choose, closePage, dropOn, openPage, picture, solvay, startBrowser, startServer, withoutData } from './support.mjs';

let server;
let browser;
let page;

before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
afterEach(async () => {
  if (page) await closePage(page);
  page = null;
});

async function compared(first, second) {
  page = await openPage(browser, server, { route: 'compare' });
  await choose(page, first, 0);
  await choose(page, second, 1);
  const card = page.locator('.compare-card');
  await card.waitFor({ timeout: 60_000 });
  return card;
}

describe('compare', () => {
  it('lists the pairs of a photograph with itself, most similar first', async () => {
    const photograph = await solvay();
    const card = await compared(photograph, photograph);
    assert.equal(await card.locator('h2').innerText(), 'The same person');
    assert.match(await card.innerText(), /most similar of 841 pairs/);
    assert.equal(await card.locator('.pair').count(), 12);
    await card.getByRole('button', { name: 'Show all 841 pairs' }).click();
    assert.equal(await card.locator('.pair').count(), 841);
  });

  it('knows the same person', { skip: withoutData }, async () => {
    const card = await compared(actor('elijah_wood', 0), actor('elijah_wood', 1));
    assert.equal(await card.locator('h2').innerText(), 'The same person');
    assert.match(await card.innerText(), /Similarity 0\.\d+ reaches the threshold of 0\.\d+\. Two different people/);
    assert.equal(await page.locator('.box-known').count(), 2);
  });

  it('tells different people apart', { skip: withoutData }, async () => {
    const card = await compared(actor('elijah_wood', 0), actor('sean_astin', 0));
    assert.equal(await card.locator('h2').innerText(), 'Different people');
    assert.match(await card.innerText(), /is below the threshold/);
  });

  it('shows which faces a pair is of', { skip: withoutData }, async () => {
    const card = await compared(picture('groups/group-2.jpg'), actor('sean_astin', 0));
    assert.equal(await card.locator('h2').innerText(), 'No pair is the same person');
    const pairs = card.locator('.pair');
    assert.ok(await pairs.count() > 1);
    await pairs.nth(1).click();
    const label = await pairs.nth(1).getAttribute('aria-label');
    const [, face] = /Face (\d+)/.exec(label);
    const selected = await page.locator('.compare-side').first().locator('.box-selected .box-label').innerText();
    assert.equal(selected, face);
  });

  it('takes dropped pictures, each on its side', { skip: withoutData }, async () => {
    page = await openPage(browser, server, { route: 'compare' });
    await page.locator('.compare-side').first().waitFor();
    await dropOn(page, '.compare-side >> nth=1', actor('elijah_wood', 0));
    await page.locator('.compare-side >> nth=1').locator('img').waitFor();
    await dropOn(page, '.compare-side >> nth=0', actor('elijah_wood', 2));
    await page.locator('.compare-card').waitFor();
  });

  it('says in words that a picture has no face', { skip: withoutData }, async () => {
    page = await openPage(browser, server, { route: 'compare' });
    page.expectFailure(422);
    await choose(page, actor('elijah_wood', 0), 0);
    await choose(page, picture('hard/003_Landscape_0.jpg'), 1);
    const notice = page.locator('.compare-outcome .notice-error');
    await notice.waitFor();
    assert.match(await notice.innerText(), /face/i);
    assert.equal(await page.locator('.compare-side img').count(), 2);
  });
});
