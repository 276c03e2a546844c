// The page Photos: photographs in, people grouped, named, put together, told apart, undone, enrolled.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { actor, closePage, dropOn, openPage, picture, startBrowser, startServer, temporaryFolder, withoutData } from './support.mjs';

const ACTORS = ['billy_boyd', 'elijah_wood', 'sean_astin'];

let server;
let browser;
let page;
let folder;

const groups = async () => (await server.api('GET', '/v1/albums/summer-2012/groups')).groups;
const sizes = async () => (await groups()).map(({ faces }) => faces);

/// One folder with three pictures each of three people, one that is broken and one without a face.
function makeFolder() {
  folder = path.join(temporaryFolder(), 'summer 2012');
  fs.mkdirSync(folder);
  for (const name of ACTORS) actor(name, 0, 3).forEach((file, i) => fs.copyFileSync(file, path.join(folder, `${name}-${i}.jpg`)));
  fs.copyFileSync(picture('hard/090_shortfile.bmp'), path.join(folder, 'broken.bmp'));
  fs.copyFileSync(picture('hard/003_Landscape_0.jpg'), path.join(folder, 'landscape.jpg'));
}

before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  if (!withoutData) makeFolder();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  if (folder) fs.rmSync(path.dirname(folder), { recursive: true, force: true });
});
afterEach(async () => {
  if (page) await closePage(page);
  page = null;
});

const cards = () => page.locator('.person-card');

async function openAlbum() {
  page = await openPage(browser, server, { route: 'photos' });
  await cards().nth(2).waitFor();
}

describe('photos', { skip: withoutData }, () => {
  it('groups a dropped folder by person', async () => {
    page = await openPage(browser, server, { route: 'photos' });
    await page.getByText('Who is on your photographs?').waitFor();
    await dropOn(page, '.drop-zone', [folder]);
    await page.locator('.upload').getByText('Done: 10 added, 1 not taken.').waitFor({ timeout: 60_000 });
    await cards().nth(2).waitFor();
    assert.deepEqual(await sizes(), [3, 3, 3]);
    assert.match(await page.locator('.page-head .soft').innerText(), /10 pictures, 9 faces, 3 people/);
    assert.match(await page.locator('.upload').innerText(), /broken\.bmp/);
  });

  it('names a person, and takes it back', async () => {
    await openAlbum();
    await cards().first().click();
    await page.getByRole('heading', { name: 'Who is this?' }).waitFor();
    assert.equal(await page.locator('.face-card').count(), 3);
    await page.getByLabel('Name').fill('Anna');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Anna' }).waitFor();
    await page.getByText('3 confirmed').waitFor();
    await page.locator('.toast-action', { hasText: 'Undo' }).click();
    await page.getByRole('heading', { name: 'Who is this?' }).waitFor();
    await page.locator('.toast-action', { hasText: 'Redo' }).click();
    await page.getByRole('heading', { name: 'Anna' }).waitFor();
  });

  it('puts people together and tells them apart', async () => {
    await openAlbum();
    await page.getByLabel('Choose Anna').check();
    await page.locator('.group-check input').nth(1).check();
    await page.getByRole('button', { name: 'The same person' }).click();
    await cards().nth(2).waitFor({ state: 'detached' });
    assert.deepEqual(await sizes(), [6, 3]);
    await page.getByRole('button', { name: 'Undo', exact: true }).first().click();
    await cards().nth(2).waitFor();
    assert.deepEqual(await sizes(), [3, 3, 3]);
    await page.locator('.group-check input').nth(1).check();
    await page.locator('.group-check input').nth(2).check();
    await page.getByRole('button', { name: 'Not the same' }).click();
    await page.getByText(/are two people/).waitFor();
    const confirmed = (await groups()).map((group) => group.confirmed);
    assert.deepEqual(confirmed, [3, 3, 3]);
  });

  it('takes a face out and moves it back', async () => {
    await openAlbum();
    await page.locator('.person-card', { hasText: 'Anna' }).click();
    await page.locator('.face-choice input').first().check();
    await page.getByRole('button', { name: 'Somebody else' }).click();
    await page.locator('.face-card').nth(2).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Everybody' }).click();
    await page.getByText('1 person on one picture only').click();
    await page.locator('.once .person-card').click();
    await page.locator('.face-choice input').first().check();
    await page.getByRole('button', { name: 'Move to …' }).click();
    await page.getByRole('dialog').getByRole('radio', { name: /Anna/ }).check();
    await page.getByRole('dialog').getByRole('button', { name: 'Choose' }).click();
    await cards().nth(2).waitFor();
    assert.deepEqual(await sizes(), [3, 3, 3]);
  });

  it('keeps decisions when the album is grouped again and when pictures come', async () => {
    await openAlbum();
    await page.getByRole('button', { name: 'Group again' }).click();
    await page.getByText(/Grouped again/).waitFor();
    assert.equal((await groups())[0].name, 'Anna');
    await page.locator('.people-view input[type=file]:not([webkitdirectory])').setInputFiles([...actor('elijah_wood', 3), path.join(folder, 'landscape.jpg')]);
    await page.locator('.upload').getByText('Done: 1 added, 1 known already.').waitFor({ timeout: 60_000 });
    await page.locator('.page-head .soft', { hasText: '10 faces' }).waitFor();
    assert.equal((await groups())[0].name, 'Anna');
    assert.equal((await groups()).length, 3);
  });

  it('enrols a named person, who is recognised then', async () => {
    await openAlbum();
    await page.locator('.person-card', { hasText: 'Anna' }).click();
    await page.getByRole('button', { name: 'Enrol' }).click();
    await page.getByText(/Anna: \d faces enrolled/).waitFor();
    const { subjects } = await server.api('GET', '/v1/galleries/default/subjects');
    assert.equal(subjects[0].name, 'Anna');
  });

  it('deletes an album after a question', async () => {
    await openAlbum();
    await page.getByRole('button', { name: 'Delete the album' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('Who is on your photographs?').waitFor();
    assert.deepEqual((await server.api('GET', '/v1/albums')).albums, []);
  });
});
