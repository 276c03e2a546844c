// The page Evaluate: a folder of people in, figures and a report out; the server's own folders; cancelling.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { closePage, dropOn, openPage, picture, screenshots, solvay, startBrowser, startServer, temporaryFolder, withoutData } from './support.mjs';

const PEOPLE = ['Amelia_Vega', 'Anna_Kournikova', 'Azra_Akin', 'Ali_Khamenei', 'Abel_Pacheco', 'Angelina_Jolie'];

let browser;
let server;
let folder;
let page;

/// People as somebody would have them: one broken file, one that is no picture.
before(async () => {
  folder = temporaryFolder();
  const one = await solvay();
  for (const person of PEOPLE) {
    const from = withoutData ? null : picture(`lfw/images/${person}`);
    if (from && !fs.existsSync(from)) continue;
    const to = path.join(folder, 'people', person);
    fs.mkdirSync(to, { recursive: true });
    const files = from ? fs.readdirSync(from).sort().slice(0, 3).map((file) => path.join(from, file)) : [one];
    files.forEach((file, i) => fs.copyFileSync(file, path.join(to, `${i + 1}.jpg`)));
    if (!from) fs.copyFileSync(one, path.join(to, '2.jpg'));
  }
  const first = path.join(folder, 'people', PEOPLE[0]);
  fs.writeFileSync(path.join(first, 'broken.jpg'), 'no picture');
  fs.writeFileSync(path.join(first, 'notes.txt'), 'no picture');
  server = await startServer({ args: ['--evaluate-dir', folder] });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  if (folder) fs.rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  if (page) await closePage(page);
  page = null;
});

const figures = () => page.locator('.figure-tile').first().waitFor({ timeout: 120_000 });

describe('evaluate', () => {
  it('takes a chosen folder, and shows figures and the report', async () => {
    page = await openPage(browser, server, { route: 'evaluate' });
    await page.locator('input[webkitdirectory]').setInputFiles(path.join(folder, 'people'));
    await page.getByText('Left out, as no picture by its type: 1 file.').waitFor();
    await figures();
    for (const name of ['Both errors are equal at', 'One person taken for two', 'At this server’s threshold', 'Found first among all', 'Not found among all', 'Measured on']) {
      await page.getByText(name).waitFor();
    }
    await page.getByText('1 picture could not be used').click();
    await page.getByText('broken.jpg').waitFor();
    const report = page.frameLocator('.report-frame');
    await report.getByRole('heading', { name: 'What was measured' }).waitFor();
    await report.locator('figure svg').first().waitFor();
    assert.match(page.url(), /#\/evaluate\/\d+$/);
    // The report stands on its own, without scripts and without an origin.
    const answer = await page.request.get(await page.getByRole('link', { name: 'Open it on its own' }).getAttribute('href').then((href) => server.base + href));
    const policy = answer.headers()['content-security-policy'];
    assert.ok(policy.startsWith("default-src 'none'") && policy.endsWith('sandbox') && !policy.includes('script-src'), policy);
    // Found again by its address.
    await page.reload();
    await figures();
  });

  it('takes a dropped folder, and says when that is not one of people', async () => {
    page = await openPage(browser, server, { route: 'evaluate' });
    await page.locator('.drop-zone').waitFor();
    await dropOn(page, '.drop-zone', [path.join(folder, 'people', PEOPLE[0])]);
    await page.getByText('That is not a folder of people.').waitFor();
    await dropOn(page, '.drop-zone', [path.join(folder, 'people')]);
    await figures();
    const shown = await server.api('GET', '/v1/evaluations');
    const last = await server.api('GET', `/v1/evaluations/${shown.evaluations.at(-1).id}`);
    const files = PEOPLE.map((person) => path.join(folder, 'people', person)).filter((one) => fs.existsSync(one));
    assert.equal(last.result.people, files.length);
    assert.equal(last.n_unusable, 1);
  });

  it('evaluates a folder on the server, and forgets an evaluation', async () => {
    page = await openPage(browser, server, { route: 'evaluate' });
    const choice = page.getByLabel('Or a folder on the server');
    assert.equal(await choice.inputValue(), 'people');
    await page.getByRole('button', { name: 'Evaluate it' }).click();
    await figures();
    await page.frameLocator('.report-frame').getByText('the server\'s folder people').waitFor();
    const before_ = (await server.api('GET', '/v1/evaluations')).evaluations.length;
    await page.getByRole('button', { name: /^Forget evaluation/ }).first().click();
    await page.waitForFunction((n) => document.querySelectorAll('.evaluation-list li').length === n, before_ - 2);
    assert.equal((await server.api('GET', '/v1/evaluations')).evaluations.length, before_ - 1);
  });

  it('is cancelled with a button, and leaves nothing behind', async () => {
    page = await openPage(browser, server, { route: 'evaluate' });
    const known = (await server.api('GET', '/v1/evaluations')).evaluations.length;
    await page.locator('input[webkitdirectory]').setInputFiles(path.join(folder, 'people'));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled.').waitFor();
    assert.equal((await server.api('GET', '/v1/evaluations')).evaluations.length, known);
    await page.getByRole('button', { name: 'Choose a folder' }).waitFor();
  });

  for (const scheme of ['light', 'dark']) {
    for (const width of [390, 1280]) {
      it(`looks well, ${scheme}, ${width} wide`, async () => {
        page = await openPage(browser, server, { route: 'evaluate', scheme, width, height: width < 600 ? 844 : 900 });
        await page.getByRole('button', { name: 'Evaluate it' }).waitFor();
        await page.screenshot({ path: path.join(screenshots, `evaluate-empty-${scheme}-${width}.png`), fullPage: true });
        const { evaluations } = await server.api('GET', '/v1/evaluations');
        const done = evaluations.findLast(({ stage }) => stage === 'done');
        await page.goto(`${server.base}/#/evaluate/${done.id}`);
        await figures();
        await page.frameLocator('.report-frame').locator('figure svg').first().waitFor();
        await page.screenshot({ path: path.join(screenshots, `evaluate-${scheme}-${width}.png`) });
        // A frame is painted only where it is in sight.
        await page.locator('.report-frame').scrollIntoViewIfNeeded();
        await page.screenshot({ path: path.join(screenshots, `evaluate-report-${scheme}-${width}.png`) });
        for (const now of [width, width < 600 ? 360 : 1440]) {
          await page.setViewportSize({ width: now, height: 900 });
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.ok(overflow <= 0, `${overflow} px wider than the window of ${now}`);
        }
      });
    }
  }
});
