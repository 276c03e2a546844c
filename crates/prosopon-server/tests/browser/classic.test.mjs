// The page Classic: faces by a cascade or the network, eyes, and views side by side.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { actor, choose, closePage, openPage, picture, solvay, startBrowser, startServer, withoutData } from './support.mjs';

let server;
let browser;
let page;
let offer;

before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  offer = await server.api('GET', '/v1/classic');
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
afterEach(async () => {
  if (page) await closePage(page);
  page = null;
});

const person = async () => (withoutData ? solvay() : actor('elijah_wood', 4)[0]);
const hasCascades = () => offer.detectors.find(({ name }) => name === 'haar').installed;

/// Opens the page, chooses a picture, and waits until its views are drawn.
async function opened(file) {
  page = await openPage(browser, server, { route: 'classic' });
  await choose(page, file);
  await page.locator('.summary').waitFor({ timeout: 60_000 });
  await page.waitForFunction(() => document.querySelectorAll('.view').length > 0 && document.querySelectorAll('.view progress').length === 0);
}

describe('classic', () => {
  it('marks the face and draws the usual views', async () => {
    await opened(await person());
    assert.ok(await page.locator('.box-known').count() >= 1);
    const views = await page.locator('.view').count();
    assert.ok(views >= 4, `${views} views`);
    assert.equal(await page.locator('.view img').count(), views);
    assert.match(await page.locator('.view').first().innerText(), /\w/);
  });

  it('draws a view that is asked for and takes away one that is not', async () => {
    await opened(await person());
    const before = await page.locator('.view').count();
    await page.getByLabel("Otsu's threshold").check();
    await page.getByRole('img', { name: /Otsu's threshold of/ }).waitFor();
    assert.equal(await page.locator('.view').count(), before + 1);
    await page.getByLabel('Gradient magnitude').uncheck();
    assert.equal(await page.locator('.view').count(), before);
    assert.equal(await page.getByRole('img', { name: /Gradient magnitude of/ }).count(), 0);
    // What was drawn once is there again at once.
    await page.getByLabel('Gradient magnitude').check();
    await page.getByRole('img', { name: /Gradient magnitude of/ }).waitFor({ timeout: 1000 });
  });

  it('finds faces by the network, and says which cascades are missing', async () => {
    await opened(await person());
    await page.getByLabel('Faces by').selectOption('network');
    await page.getByText(/· Network ·/).waitFor();
    assert.ok(await page.locator('.box-known').count() >= 1);
    const missing = page.getByText('Haar cascades are not installed on this server.');
    assert.equal(await missing.count(), hasCascades() ? 0 : 1);
    if (!hasCascades()) assert.equal(await page.locator('code').first().innerText(), 'prosopon models pull haar');
  });

  it('finds faces by the cascade, with eyes in them', { skip: withoutData }, async (test) => {
    if (!hasCascades()) return test.skip('the Haar cascades are not installed');
    await opened(actor('elijah_wood', 4)[0]);
    assert.match(await page.locator('.summary').innerText(), /1 face, [12] eyes? · Haar cascade · \d+ windows on each other/);
    assert.ok(await page.locator('.box-uncertain').count() >= 1);
    await page.getByLabel('Eyes').uncheck();
    await page.getByText(/^1 face$/).waitFor();
    assert.equal(await page.locator('.box-uncertain').count(), 0);
    return undefined;
  });

  it('draws views of a picture without a face', { skip: withoutData }, async () => {
    page = await openPage(browser, server, { route: 'classic' });
    await page.getByLabel('Faces by').selectOption('network');
    await choose(page, picture('hard/003_Landscape_0.jpg'));
    await page.getByText('No face was found.').waitFor({ timeout: 60_000 });
    await page.locator('.view img').nth(3).waitFor({ timeout: 60_000 });
  });

  it('says in words what is wrong with a file that is no picture', async () => {
    page = await openPage(browser, server, { route: 'classic' });
    page.expectFailure(422);
    await page.locator('input[type=file]').setInputFiles({ name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') });
    const said = page.locator('.notice-error');
    await said.waitFor();
    assert.match(await said.innerText(), /notes\.jpg/);
    assert.equal(await page.locator('.view').count(), 0);
  });
});
