// Everything with the keyboard alone: each stop is visible and has a name, and a face is enrolled without a mouse.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { closePage, openPage, solvay, startBrowser, startServer, summary } from './support.mjs';

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

/// What has the focus: its name, and whether one can see that it has it.
const focused = () => page.evaluate(() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const style = getComputedStyle(element);
  const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
  const { width, height } = element.getBoundingClientRect();
  return { name: label.trim(), isVisible: style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2 && width > 0 && height > 0 };
});

/// Presses the tab key until the focus is on what is called `name`.
async function tabTo(name) {
  const passed = [];
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press('Tab');
    const stop = await focused();
    passed.push(stop?.name);
    if (stop?.name === name) return;
  }
  assert.fail(`the tab key does not reach “${name}”, only ${passed.join(', ')}`);
}

describe('keyboard', () => {
  for (const route of ['identify', 'compare', 'people', 'classic', 'live', 'system']) {
    it(`has a name and a visible focus at every stop of the page ${route}`, async () => {
      page = await openPage(browser, server, { route });
      await page.locator('.page h1').waitFor();
      await page.waitForTimeout(300);
      const names = [];
      for (let i = 0; i < 40; i += 1) {
        await page.keyboard.press('Tab');
        const stop = await focused();
        if (!stop) break;
        assert.ok(stop.name, `stop ${i + 1} has no name, after ${names.at(-1)}`);
        assert.ok(stop.isVisible, `the focus on “${stop.name}” cannot be seen`);
        names.push(stop.name);
      }
      assert.equal(names[0], 'Skip to the content');
      assert.ok(names.includes('People'));
      assert.ok(names.length >= 8, names.join(', '));
    });
  }

  it('identifies a picture, steps through its faces, enrols one and finds it among the people', async () => {
    page = await openPage(browser, server);
    await page.locator('.drop-zone').waitFor();
    // Asked for early: until the browser has been told, it would open a dialog of its own.
    const chooser = page.waitForEvent('filechooser');
    await tabTo('Choose a picture');
    await page.keyboard.press('Enter');
    await (await chooser).setFiles(await solvay());
    await summary(page);
    await tabTo('Next face');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    assert.equal((await focused()).name, 'Next face', 'the focus stays on the button');
    assert.match(await page.locator('.stepper').innerText(), /Face 3 of 29/);
    await tabTo('Who is this?');
    await page.keyboard.type('Third');
    await page.keyboard.press('Enter');
    await page.locator('.verdict-known').waitFor();
    assert.equal((await focused()).name, 'Third', 'the focus goes to the answer');

    await page.keyboard.press('Home');
    await page.evaluate(() => document.querySelector('.skip').focus());
    await tabTo('People');
    await page.keyboard.press('Enter');
    await page.locator('.person-card').waitFor();
    assert.equal((await focused()).name, 'People', 'the focus goes to the heading of the new page');
    await tabTo('Third, 1 face');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Third' }).waitFor();
    await tabTo('Rename');
    await page.keyboard.press('Enter');
    await page.keyboard.type('Henri');
    await page.keyboard.press('Escape');
    assert.equal((await focused()).name, 'Rename');
  });

  it('changes the theme, and keeps it', async () => {
    page = await openPage(browser, server);
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await ground();
    await tabTo('Theme: system. Change to light');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    assert.equal((await focused()).name, 'Theme: dark. Change to system');
    const dark = await ground();
    assert.notEqual(dark, light);
    await page.reload();
    await page.locator('.drop-zone').waitFor();
    assert.equal(await ground(), dark);
    await page.getByRole('button', { name: 'Theme: dark' }).press('Enter');
    assert.equal(await ground(), light);
  });

  it('skips to the content', async () => {
    page = await openPage(browser, server);
    await page.locator('.drop-zone').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.getElementById('content').contains(document.activeElement)));
    await page.locator('.drop-zone').waitFor();
  });
});
