// The page People: folders in, everybody on a grid, rename, merge, delete with undo.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { actor, choose, closePage, dropOn, openPage, picture, startBrowser, startServer, summary, temporaryFolder, withoutData } from './support.mjs';

const UNDO_MILLIS = 7000;

let server;
let browser;
let page;
let folder;

const subjects = async (search = '') => (await server.api('GET', `/v1/galleries/default/subjects?limit=100&search=${encodeURIComponent(search)}`)).subjects;
const names = async (search) => (await subjects(search)).map(({ name }) => name).sort();

/// A folder of people as somebody would have it: one broken file, one that is no picture, one with many faces.
function makeFolder() {
  folder = temporaryFolder();
  const put = (person, files) => {
    fs.mkdirSync(path.join(folder, 'people', person), { recursive: true });
    for (const file of files) fs.copyFileSync(file, path.join(folder, 'people', person, path.basename(file)));
  };
  put('elijah_wood', actor('elijah_wood', 0, 3));
  put('sean_astin', [...actor('sean_astin', 0, 2), picture('hard/090_shortfile.bmp'), picture('groups/group-2.jpg')]);
  fs.writeFileSync(path.join(folder, 'people', 'sean_astin', 'notes.txt'), 'no picture');
}

before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  if (!withoutData) makeFolder();
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

const card = (name) => page.locator('.person-card', { hasText: name });

async function openPerson(name) {
  const [subject] = await subjects(name);
  page = await openPage(browser, server, { route: `people/${subject.id}` });
  await page.getByRole('heading', { name, level: 1 }).waitFor();
  return subject;
}

describe('people', { skip: withoutData }, () => {
  it('enrols a chosen folder, and gives the reason for each picture that was not taken', async () => {
    page = await openPage(browser, server, { route: 'people' });
    await page.getByText('Nobody is enrolled yet').waitFor();
    await page.locator('input[webkitdirectory]').setInputFiles(path.join(folder, 'people'));
    const dialog = page.getByRole('dialog');
    assert.match(await dialog.innerText(), /elijah_wood\s+3 pictures\s+sean_astin\s+4 pictures/);
    await dialog.getByRole('button', { name: 'Enrol 7 pictures' }).click();
    const upload = page.locator('.upload');
    await upload.getByText('Done: 5 added, 2 not taken.').waitFor({ timeout: 60_000 });
    const reasons = await upload.innerText();
    assert.match(reasons, /090_shortfile\.bmp/);
    assert.match(reasons, /group-2\.jpg/);
    assert.match(reasons, /notes\.txt/);
    await card('elijah_wood').getByText('3 faces').waitFor();
    await card('sean_astin').getByText('2 faces').waitFor();
    assert.match(await page.locator('.people-view .soft').first().innerText(), /2 people, 5 faces/);
    assert.ok(await card('elijah_wood').locator('img').evaluate((image) => image.decode().then(() => image.naturalWidth)) > 20);
  });

  it('says what is known already when the same folder is dropped', async () => {
    page = await openPage(browser, server, { route: 'people' });
    await card('elijah_wood').waitFor();
    await dropOn(page, '.people-grid', [path.join(folder, 'people', 'elijah_wood')]);
    await page.getByRole('dialog').getByRole('button', { name: 'Enrol 3 pictures' }).click();
    await page.locator('.upload').getByText('Done: 0 added, 3 known already.').waitFor({ timeout: 60_000 });
  });

  it('asks who is on loose pictures, and can be told to take the largest face', async () => {
    page = await openPage(browser, server, { route: 'people' });
    await card('elijah_wood').waitFor();
    await page.locator('.people-view input[type=file]:not([webkitdirectory])').setInputFiles([picture('groups/group-2.jpg')]);
    await page.getByLabel('Who is on 1 picture?').fill('Largest of the group');
    await page.getByRole('button', { name: 'Enrol 1 picture' }).click();
    await page.getByRole('button', { name: 'Take the largest face' }).click();
    await page.locator('.upload').getByText('Done: 1 added.').waitFor();
    await card('Largest of the group').waitFor();
  });

  it('takes the largest face of several pictures at once', async () => {
    page = await openPage(browser, server, { route: 'people' });
    await card('elijah_wood').waitFor();
    await page.locator('.people-view input[type=file]:not([webkitdirectory])').setInputFiles([picture('groups/group-1.jpg'), picture('groups/group-3.jpg')]);
    await page.getByLabel('Who is on 2 pictures?').fill('Two strangers');
    await page.getByRole('button', { name: 'Enrol 2 pictures' }).click();
    await page.getByRole('button', { name: 'Take the largest face of these 2 pictures with several' }).click();
    await page.locator('.upload').getByText(/^Done: (2 added|1 added, 1 not taken)\.$/).waitFor();
    const [{ id }] = await subjects('Two strangers');
    await server.api('DELETE', `/v1/galleries/default/subjects/${id}`);
  });

  it('finds people by name', async () => {
    page = await openPage(browser, server, { route: 'people' });
    await card('elijah_wood').waitFor();
    await page.getByLabel('Search by name').fill('astin');
    await card('elijah_wood').waitFor({ state: 'detached' });
    assert.equal(await page.locator('.person-card').count(), 1);
    await page.getByLabel('Search by name').fill('nobody at all');
    await page.getByText('Nobody’s name contains “nobody at all”.').waitFor();
  });

  it('adds a person, then pictures by dropping them', async () => {
    page = await openPage(browser, server, { route: 'people' });
    await page.getByRole('button', { name: 'Add a person' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('Billy Boyd');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Billy Boyd' }).waitFor();
    await page.getByText('No faces yet').waitFor();
    await dropOn(page, '.face-grid', actor('billy_boyd', 0, 3));
    await page.locator('.upload').getByText('Done: 3 added.').waitFor({ timeout: 60_000 });
    assert.equal(await page.locator('.face-card').count(), 3);
  });

  it('renames, and the new name is the one that is recognised', async () => {
    await openPerson('Billy Boyd');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByLabel('New name').fill('William Boyd');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'William Boyd' }).waitFor();
    assert.deepEqual(await names('boyd'), ['William Boyd']);
    await page.getByRole('link', { name: 'Identify' }).click();
    await choose(page, actor('billy_boyd', 3));
    await summary(page);
    assert.equal(await page.locator('.verdict').innerText(), 'William Boyd');
  });

  it('says that a name is taken, and offers to merge instead', async () => {
    await openPerson('Largest of the group');
    page.expectFailure(409);
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByLabel('New name').fill('William Boyd');
    await page.keyboard.press('Enter');
    await page.locator('.notice-error').waitFor();
    await page.getByRole('button', { name: 'Merge with William Boyd instead' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('radio', { name: /William Boyd/ }).and(page.locator(':checked')).waitFor();
    await dialog.getByRole('button', { name: 'Merge', exact: true }).click();
    await page.getByRole('heading', { name: 'William Boyd' }).waitFor();
    await page.locator('.face-card').nth(3).waitFor();
    assert.equal((await subjects('boyd'))[0].n_faces, 4);
    assert.deepEqual(await names('Largest'), []);
  });

  it('keeps an external id and pairs of key and value', async () => {
    const { id } = await openPerson('William Boyd');
    await page.getByLabel('External id').fill('staff-17');
    await page.getByRole('button', { name: 'Add a pair' }).click();
    await page.getByLabel('Key').fill('floor');
    await page.getByLabel('Value').fill('3rd');
    await page.locator('.particulars').getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    const subject = await server.api('GET', `/v1/galleries/default/subjects/${id}`);
    assert.equal(subject.external_id, 'staff-17');
    assert.deepEqual(subject.metadata, { floor: '3rd' });
  });

  it('deletes a face, and gives it back', async () => {
    const { id } = await openPerson('William Boyd');
    await page.locator('.face-card').nth(3).waitFor();
    await page.locator('.face-delete').first().click();
    await page.locator('.face-card').nth(3).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.locator('.face-card').nth(3).waitFor();
    await page.locator('.face-delete').first().click();
    await page.waitForTimeout(UNDO_MILLIS + 1000);
    assert.equal((await server.api('GET', `/v1/galleries/default/subjects/${id}`)).n_faces, 3);
  });

  it('deletes a person after a few seconds unless it is undone', async () => {
    await openPerson('William Boyd');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await card('elijah_wood').waitFor();
    assert.equal(await card('William Boyd').count(), 0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await card('William Boyd').waitFor();
    await page.waitForTimeout(UNDO_MILLIS + 500);
    assert.deepEqual(await names('boyd'), ['William Boyd'], 'undone');

    await card('William Boyd').click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.waitForTimeout(1000);
    assert.deepEqual(await names('boyd'), ['William Boyd'], 'there is still time');
    await page.waitForTimeout(UNDO_MILLIS);
    assert.deepEqual(await names('boyd'), []);
  });

  it('sends a deletion that still waits when the page is left', async () => {
    await openPerson('sean_astin');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await card('elijah_wood').waitFor();
    await page.goto('about:blank');
    for (let tries = 0; tries < 30 && (await names('astin')).length > 0; tries += 1) await new Promise((resolve) => { setTimeout(resolve, 100); });
    assert.deepEqual(await names('astin'), []);
  });

  it('can cancel an upload; what was added stays', async () => {
    const many = temporaryFolder();
    const bytes = fs.readFileSync(actor('sean_astin', 1)[0]);
    for (let i = 0; i < 60; i += 1) {
      // Each is another file, of the same face.
      fs.writeFileSync(path.join(many, `${i}.jpg`), Buffer.concat([bytes, Buffer.from(String(i))]));
    }
    page = await openPage(browser, server, { route: 'people' });
    await card('elijah_wood').waitFor();
    await page.locator('input[webkitdirectory]').setInputFiles(many);
    await page.getByRole('button', { name: 'Enrol 60 pictures' }).click();
    await page.locator('.upload').getByText(/^([4-9]|\d\d) of 60/).waitFor();
    await page.locator('.upload').getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.upload').getByText(/^Cancelled: \d+ added.*left out\.$/).waitFor();
    fs.rmSync(many, { recursive: true });
  });

  it('shows a long gallery page by page', async () => {
    for (let i = 0; i < 70; i += 1) await server.api('POST', '/v1/galleries/default/subjects', { name: `extra ${String(i).padStart(2, '0')}` });
    page = await openPage(browser, server, { route: 'people' });
    await page.locator('.person-card').nth(59).waitFor();
    assert.equal(await page.locator('.person-card').count(), 60);
    await page.getByRole('button', { name: 'Show more' }).click();
    await card('extra 69').waitFor();
    const shown = await page.locator('.person-name').allInnerTexts();
    assert.equal(new Set(shown).size, shown.length);
    assert.equal(shown.length, (await subjects()).length);
  });
});
