// Pictures of every page, light and dark, narrow and wide, to be looked at; and nothing wider than the window.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { actor, choose, closePage, makeClip, makePortraits, openPage, picture, pushClip, screenshots, solvay, startBrowser, startServer, summary, withoutData } from './support.mjs';

let server;
let browser;

before(async () => {
  server = await startServer();
  const clip = path.join(server.folder, 'camera.mjpeg');
  await makeClip(server, withoutData ? await solvay() : picture('video/short_hamilton_clip.mp4'), clip);
  browser = await startBrowser({ clip });
  if (withoutData) return;
  for (const name of ['billy_boyd', 'elijah_wood', 'sean_astin']) {
    for (const file of actor(name, 0, 4)) {
      const form = new FormData();
      form.append('image', new Blob([fs.readFileSync(file)]), path.basename(file));
      const answer = await fetch(`${server.base}/v1/galleries/default/enrol?subject=${name}`, { method: 'POST', body: form });
      assert.ok(answer.ok);
    }
  }
});
after(async () => {
  endPush?.();
  await browser?.close();
  await server?.stop();
});

// Both schemes and both widths once each; all four ways where somebody wants to look.
const ways = process.env.PROSOPON_LOOK === 'all'
  ? [['light', 390], ['light', 1280], ['dark', 390], ['dark', 1280]]
  : [['light', 390], ['dark', 1280]];
const views = ways.map(([scheme, width]) => ({ scheme, width, height: width < 600 ? 844 : 900 }));

/// Opens a page, lets `prepare` bring it to where it is worth a look, and takes its picture in each way.
function look(name, route, prepare, on = () => server) {
  for (const view of views) {
    it(`${name}, ${view.scheme}, ${view.width} wide`, async () => {
      const page = await openPage(browser, on(), { route, ...view });
      await page.locator('main h1').waitFor();
      try {
        await prepare(page);
      } catch (error) {
        await page.screenshot({ path: path.join(screenshots, `${name}-failed.png`) });
        error.message += `\n  the page says: ${(await page.locator('main').innerText()).replace(/\s+/g, ' ')}`;
        throw error;
      }
      // A dialog lies over the window, not over the whole page.
      const fullPage = await page.locator('dialog').count() === 0;
      await page.screenshot({ path: path.join(screenshots, `${name}-${view.scheme}-${view.width}.png`), fullPage });
      for (const width of view.width < 600 ? [view.width, 360] : [view.width, 768, 1024, 1440]) {
        await page.setViewportSize({ width, height: view.height });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(overflow <= 0, `${overflow} px wider than the window of ${width}`);
      }
      await closePage(page);
    });
  }
}

let hasKey = false;
async function makeKey() {
  if (hasKey) return;
  hasKey = true;
  await server.api('POST', '/v1/keys', { name: 'the door of the hall', scopes: ['identify'], gallery: 'default' });
}

let hasAlbum = false;
async function makeAlbum() {
  if (hasAlbum) return;
  hasAlbum = true;
  await server.api('POST', '/v1/albums', { name: 'summer' });
  const form = new FormData();
  const files = [...['billy_boyd', 'elijah_wood', 'sean_astin'].flatMap((name) => actor(name, 0, 4)), picture('groups/group-1.jpg')];
  for (const file of files) form.append('image', new Blob([fs.readFileSync(file)]), path.basename(file));
  const answer = await fetch(`${server.base}/v1/albums/summer/pictures`, { method: 'POST', body: form });
  assert.ok(answer.ok);
  await server.api('POST', '/v1/albums/summer/group', {});
  const { groups } = await server.api('GET', '/v1/albums/summer/groups');
  await server.api('POST', '/v1/albums/summer/decisions', { kind: 'name', group: groups[0].id, name: 'Elijah Wood' });
}

let hasClassifier = false;
async function makeClassifier() {
  if (hasClassifier) return;
  hasClassifier = true;
  const { id } = await server.api('POST', '/v1/trainings', { name: 'actors' });
  const form = new FormData();
  for (const name of ['billy_boyd', 'elijah_wood', 'sean_astin']) for (const file of actor(name, 0, 6)) form.append('image', new Blob([fs.readFileSync(file)]), `${name}/${path.basename(file)}`);
  const answer = await fetch(`${server.base}/v1/trainings/${id}/pictures`, { method: 'POST', body: form });
  assert.ok(answer.ok);
  await server.api('POST', `/v1/trainings/${id}/start`, {});
  for (let stage = ''; stage !== 'done';) {
    ({ stage } = await server.api('GET', `/v1/trainings/${id}`));
    assert.notEqual(stage, 'failed');
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

let endPush = null;
async function makeCamera() {
  if (endPush) return;
  const { id } = await server.api('POST', '/v1/cameras', { name: 'Stage door', address: 'push:', cooldown_secs: 5 });
  await server.api('POST', '/v1/cameras', { name: 'Car park', address: 'push:', enabled: false });
  for (const name of ['lin-manuel-miranda']) {
    const answer = await fetch(`${server.base}/v1/galleries/default/enrol?subject=${name}&faces=largest`, { method: 'POST', headers: { 'content-type': 'image/png' }, body: fs.readFileSync(picture(`video/${name}.png`)) });
    assert.ok(answer.ok);
  }
  const clip = path.join(server.folder, 'portraits.mjpeg');
  await makePortraits(server, clip);
  endPush = pushClip(server, id, clip);
}

const onePerson = () => (withoutData ? solvay() : actor('elijah_wood', 4)[0]);

describe('look', () => {
  look('identify-empty', 'identify', (page) => page.locator('.drop-more a, .drop-more:has-text("Nobody")').first().waitFor());
  look('identify-known', 'identify', async (page) => {
    await choose(page, await onePerson());
    await summary(page);
    await page.waitForLoadState('networkidle');
  });
  look('identify-group', 'identify', async (page) => {
    await choose(page, await solvay());
    await summary(page);
    await page.keyboard.press('ArrowRight');
    await page.waitForLoadState('networkidle');
  });
  look('identify-no-face', 'identify', async (page) => {
    if (withoutData) return;
    await choose(page, picture('hard/003_Landscape_0.jpg'));
    await page.locator('.notice').waitFor();
  });
  look('compare-empty', 'compare', (page) => page.locator('.drop-zone').first().waitFor());
  look('compare', 'compare', async (page) => {
    await choose(page, await onePerson(), 0);
    await choose(page, withoutData ? await solvay() : picture('groups/group-2.jpg'), 1);
    await page.locator('.compare-card').waitFor({ timeout: 60_000 });
  });
  look('people', 'people', async (page) => {
    await page.waitForLoadState('networkidle');
  });
  look('person', 'people', async (page) => {
    if (withoutData) return;
    await page.locator('.person-card').first().click();
    await page.locator('.face-card').first().waitFor();
    await page.waitForLoadState('networkidle');
  });
  look('upload', 'people', async (page) => {
    if (withoutData) return;
    await page.locator('.people-view input[type=file]:not([webkitdirectory])').setInputFiles([picture('groups/group-2.jpg'), picture('hard/090_shortfile.bmp'), ...actor('elijah_wood', 0, 2)]);
    await page.getByLabel(/Who is on/).fill('elijah_wood');
    await page.getByRole('button', { name: 'Enrol 4 pictures' }).click();
    await page.getByText(/^Done/).waitFor({ timeout: 60_000 });
  });
  look('photos-empty', 'photos', (page) => page.getByText('Who is on your photographs?').waitFor());
  look('photos', 'photos', async (page) => {
    if (withoutData) return;
    await makeAlbum();
    await page.reload();
    await page.locator('.person-card').nth(2).waitFor();
    await page.locator('.group-check input').first().check();
    await page.locator('.group-check input').nth(1).check();
    await page.waitForLoadState('networkidle');
  });
  look('photos-group', 'photos', async (page) => {
    if (withoutData) return;
    await page.locator('.person-card').first().click();
    await page.locator('.face-choice input').first().check();
    await page.waitForLoadState('networkidle');
  });
  look('classic-empty', 'classic', (page) => page.locator('.drop-zone').waitFor());
  look('classic', 'classic', async (page) => {
    await choose(page, await onePerson());
    await page.locator('.view img').nth(3).waitFor({ timeout: 60_000 });
    await page.waitForLoadState('networkidle');
  });
  look('train-empty', 'train', (page) => page.getByRole('button', { name: 'Choose a folder' }).waitFor());
  look('train-form', 'train', async (page) => {
    if (withoutData) return;
    await page.locator('input[webkitdirectory]').setInputFiles(picture('hobbit/cropped_images'));
    await page.getByRole('button', { name: 'Train', exact: true }).waitFor();
  });
  look('train-report', 'train', async (page) => {
    if (withoutData) return;
    await makeClassifier();
    await page.reload();
    await page.getByRole('button', { name: /^Report of/ }).first().click();
    await page.frameLocator('.report-frame').locator('svg').first().waitFor();
  });
  look('train-try', 'train/actors', async (page) => {
    if (withoutData) return;
    await makeClassifier();
    await page.reload();
    await page.locator('.try input[type=file]').setInputFiles(picture('groups/group-2.jpg'));
    await page.locator('.probabilities').waitFor({ timeout: 60_000 });
  });
  look('live-cameras', 'live', async (page) => {
    if (withoutData) return;
    await makeCamera();
    await page.reload();
    await page.locator('.camera-card').nth(1).waitFor();
    await page.locator('.event').nth(3).waitFor({ timeout: 60_000 });
    await page.waitForFunction(() => document.querySelector('.camera-picture')?.naturalWidth > 100);
  });
  look('live-camera-form', 'live', async (page) => {
    await page.getByRole('button', { name: 'Add a camera' }).click();
    await page.getByText('More', { exact: true }).click();
  });
  look('live-name', 'live', async (page) => {
    if (withoutData) return;
    await makeCamera();
    await page.reload();
    await page.getByRole('button', { name: /^Name the unknown/ }).first().click({ timeout: 60_000 });
    await page.getByRole('dialog').waitFor();
  });
  look('live-off', 'live', (page) => page.getByText('The camera is off').waitFor());
  look('live', 'live', async (page) => {
    await page.getByRole('button', { name: 'Start the camera' }).click();
    await page.locator('.live-stage .box').first().waitFor({ timeout: 60_000 });
    await page.locator('.pace', { hasText: 'frames a second' }).waitFor();
  });
  look('system', 'system', async (page) => {
    await makeKey();
    await page.reload();
    await page.locator('.facts').first().waitFor();
    await page.getByRole('cell', { name: 'the door of the hall', exact: true }).waitFor();
  });
  look('dialog', 'system', async (page) => {
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByRole('dialog').waitFor();
  });
});

describe('look, on a server that asks for keys', () => {
  let locked;
  before(async () => {
    locked = await startServer({ args: ['--require-keys', 'always'] });
  });
  after(() => locked?.stop());

  look('sign-in', 'identify', async (page) => {
    page.expectFailure(401);
    await page.getByLabel('Key').fill('not a key');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.notice-error').waitFor();
  }, () => locked);
});
