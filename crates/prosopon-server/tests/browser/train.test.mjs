// The page Train: a folder of classes in, a classifier with its report out; versions; trying a picture. And the page
// of another site that posts pictures to `/classify_image`, as the project does whose form that is.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { actor, choose, closePage, dropOn, openPage, picture, screenshots, startBrowser, startServer, temporaryFolder, withoutData } from './support.mjs';

const CLASSES = ['billy_boyd', 'elijah_wood', 'sean_astin'];

/// A page as that project has it: the picture as a data URL in a form field, sent across origins.
const FOREIGN = `<!doctype html><title>elsewhere</title><script>
async function classify(image) {
  const answer = await fetch(SERVER + '/classify_image', { method: 'POST', body: new URLSearchParams({ image_data: image }) });
  return answer.json();
}
</script>`;

let browser;
let server;
let folder;
let elsewhere;
let page;

before(async () => {
  if (withoutData) return;
  folder = temporaryFolder();
  for (const name of CLASSES) {
    const to = path.join(folder, 'actors', name);
    fs.mkdirSync(to, { recursive: true });
    actor(name, 0, 6).forEach((file, i) => fs.copyFileSync(file, path.join(to, `${i + 1}.jpg`)));
  }
  fs.writeFileSync(path.join(folder, 'actors', CLASSES[0], 'broken.jpg'), 'no picture');
  elsewhere = http.createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(FOREIGN.replaceAll('SERVER', JSON.stringify(server.base)));
  });
  await new Promise((resolve) => { elsewhere.listen(0, '127.0.0.1', resolve); });
  const origin = `http://127.0.0.1:${elsewhere.address().port}`;
  server = await startServer({ args: ['--train-dir', folder, '--classifier', 'actors'], settings: { PROSOPON_CORS_ORIGINS: origin } });
  server.elsewhere = origin;
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  elsewhere?.close();
  if (folder) fs.rmSync(folder, { recursive: true, force: true });
});
afterEach(async () => {
  if (page) await closePage(page);
  page = null;
});

const trained = (version) => page.getByText(`actors, version ${version}, is there.`).waitFor({ timeout: 120_000 });
const row = (version) => page.locator('.classifier-card tbody tr').filter({ has: page.getByRole('button', { name: `Try version ${version} of actors` }) });

describe('train', { skip: withoutData }, () => {
  it('takes a chosen folder, trains on it, and shows the report', async () => {
    page = await openPage(browser, server, { route: 'train' });
    await page.locator('input[webkitdirectory]').setInputFiles(path.join(folder, 'actors'));
    await page.getByText('3 classes, 19 pictures').waitFor();
    assert.equal(await page.getByLabel('Name').inputValue(), 'actors');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await trained(1);
    await page.getByText('It is stable: it answers from here on.').waitFor();
    await page.getByText('1 picture could not be used').click();
    await page.getByText('billy_boyd/broken.jpg').waitFor();
    await page.frameLocator('.report-frame').locator('svg').first().waitFor();
    await row(1).getByText('stable').waitFor();
    const { classifiers } = await server.api('GET', '/v1/classifiers');
    assert.deepEqual(classifiers[0].versions[0].card.classes, CLASSES);
  });

  it('says when a folder is not one of classes', async () => {
    page = await openPage(browser, server, { route: 'train' });
    await page.locator('.drop-zone').first().waitFor();
    await dropOn(page, '.train-view .drop-zone', [path.join(folder, 'actors', CLASSES[0])]);
    await page.getByText('That is not a folder of classes.').waitFor();
    await dropOn(page, '.train-view .drop-zone', [path.join(folder, 'actors')]);
    await page.getByText('3 classes, 19 pictures').waitFor();
    await page.getByRole('button', { name: 'Another folder' }).click();
    await page.getByRole('button', { name: 'Choose a folder' }).waitFor();
  });

  it('tries all learners on a folder of the server, and shows them as they come', async () => {
    page = await openPage(browser, server, { route: 'train' });
    await page.getByLabel('Or a folder on the server').selectOption('actors');
    await page.getByRole('button', { name: 'Take it' }).click();
    await page.getByLabel('What learns').selectOption('all');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await trained(2);
    assert.ok(await page.locator('.cells tbody tr').count() > 5);
    await row(2).getByText('candidate').waitFor();
    await row(1).getByText('stable').waitFor();
  });

  it('promotes, rolls back and deletes', async () => {
    page = await openPage(browser, server, { route: 'train' });
    await page.getByRole('button', { name: 'Promote version 2 of actors' }).click();
    await row(2).getByText('stable').waitFor();
    await page.getByRole('button', { name: 'Roll back' }).click();
    await row(1).getByText('stable').waitFor();
    await row(2).getByText('candidate').waitFor();
    await page.getByRole('button', { name: 'Report of version 2 of actors' }).click();
    await page.frameLocator('.report-frame').locator('svg').first().waitFor();
    await page.getByRole('button', { name: 'Close it' }).click();
    await page.getByRole('button', { name: 'Delete version 2 of actors' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await row(2).waitFor({ state: 'detached' });
    const { classifiers } = await server.api('GET', '/v1/classifiers');
    assert.deepEqual(classifiers[0].versions.map(({ version }) => version), [1]);
  });

  it('shows every class’s probability, face by face, and says when there is none', async () => {
    page = await openPage(browser, server, { route: 'train/actors' });
    await page.getByRole('heading', { name: 'Try actors, version 1' }).waitFor();
    const input = page.locator('.try input[type=file]');
    await input.setInputFiles(actor('elijah_wood', 5)[0]);
    await page.locator('.verdict').getByText('elijah_wood').waitFor();
    assert.equal(await page.locator('.probabilities li').count(), 3);
    await input.setInputFiles(picture('groups/group-2.jpg'));
    const position = page.getByText(/^Face 1 of \d+$/);
    await position.waitFor();
    const n = Number((await position.innerText()).split(' ').at(-1));
    assert.ok(n > 1);
    await page.getByRole('button', { name: 'Next face' }).click();
    await page.getByText(`Face 2 of ${n}`).waitFor();
    // The button keeps the focus, so that the keyboard goes on from it.
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await page.getByText(`Face ${n} of ${n}`).waitFor();
    await input.setInputFiles(picture('hard/003_Landscape_0.jpg'));
    await page.getByText('No face was found that this classifier takes.').waitFor();
  });

  it('trains a network, shows its curves, and is cancelled', async () => {
    page = await openPage(browser, server, { route: 'train' });
    await page.getByLabel('Or a folder on the server').selectOption('actors');
    await page.getByRole('button', { name: 'Take it' }).click();
    await page.getByLabel('Name').fill('network');
    await page.getByLabel('What learns').selectOption('network:hobbit');
    await page.getByLabel('Epochs at most').fill('1000');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.locator('.curves').nth(1).waitFor({ timeout: 120_000 });
    await page.screenshot({ path: path.join(screenshots, 'train-curves-light-1280.png') });
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Cancelled.').waitFor();
    const { classifiers } = await server.api('GET', '/v1/classifiers');
    assert.deepEqual(classifiers.map(({ name }) => name), ['actors']);
  });

  it('answers a page of another site that posts to /classify_image', async () => {
    const context = await browser.newContext();
    const foreign = await context.newPage();
    await foreign.goto(server.elsewhere);
    const url = `data:image/jpeg;base64,${fs.readFileSync(actor('sean_astin', 5)[0]).toString('base64')}`;
    const [face, ...others] = await foreign.evaluate((image) => classify(image), url);
    assert.deepEqual(others, []);
    assert.deepEqual(Object.keys(face).sort(), ['class', 'class_dictionary', 'class_probability']);
    assert.equal(face.class, 'sean_astin');
    assert.deepEqual(face.class_dictionary, { billy_boyd: 0, elijah_wood: 1, sean_astin: 2 });
    assert.equal(face.class_probability.indexOf(Math.max(...face.class_probability)), 2);
    assert.ok(Math.abs(face.class_probability.reduce((a, b) => a + b) - 100) < 0.05);
    const none = `data:image/jpeg;base64,${fs.readFileSync(picture('hard/003_Landscape_0.jpg')).toString('base64')}`;
    assert.deepEqual(await foreign.evaluate((image) => classify(image), none), []);
    await context.close();
  });
});
