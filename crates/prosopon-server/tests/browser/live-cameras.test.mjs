// The page Live with a camera of the server: a clip of real people that is pushed to it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { closePage, makePortraits, openPage, picture, picturesOf, pushClip, startBrowser, startServer, withoutData } from './support.mjs';

let server;
let browser;
let page;
let clip;

before(async () => {
  if (withoutData) return;
  server = await startServer();
  clip = path.join(server.folder, 'pushed.mjpeg');
  await makePortraits(server, clip);
  browser = await startBrowser();
  const answer = await fetch(`${server.base}/v1/galleries/default/enrol?subject=lin-manuel-miranda&faces=largest`, {
    method: 'POST', headers: { 'content-type': 'image/png' }, body: fs.readFileSync(picture('video/lin-manuel-miranda.png')),
  });
  assert.equal(answer.status, 201);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
afterEach(async () => {
  if (page) await closePage(page);
  page = null;
});

describe('live cameras', { skip: withoutData }, () => {
  it('shows what a pushed camera sees, tells who comes, and names an unknown', async () => {
    page = await openPage(browser, server, { route: 'live' });
    await page.getByText('No cameras yet.').waitFor();
    await page.getByRole('button', { name: 'Add a camera' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Stage');
    await page.getByLabel('Address').fill('push:');
    await page.getByRole('dialog').getByRole('button', { name: 'Add the camera' }).click();
    const card = page.locator('.camera-card');
    await card.getByText('Waiting for frames').waitFor();
    const { cameras } = await server.api('GET', '/v1/cameras');
    const stop = pushClip(server, cameras[0].id, clip);
    try {
      await card.getByText('Running').waitFor();
      await page.waitForFunction(() => document.querySelector('.camera-picture')?.naturalWidth > 100);
      await page.locator('.event', { hasText: 'lin-manuel-miranda' }).first().waitFor({ timeout: 60_000 });
      await page.locator('.event', { hasText: 'Nobody who is enrolled' }).first().waitFor({ timeout: 60_000 });
      await page.getByRole('button', { name: /^Name the unknown/ }).first().click();
      await page.getByRole('dialog').getByLabel('Name').fill('alex-lacamoire');
      await page.getByRole('dialog').getByRole('button', { name: 'Enrol' }).click();
      await page.getByText('alex-lacamoire is enrolled.').waitFor({ timeout: 60_000 });
      const { subjects } = await server.api('GET', '/v1/galleries/default/subjects');
      assert.deepEqual(subjects.map(({ name }) => name).sort(), ['alex-lacamoire', 'lin-manuel-miranda']);
      await page.getByLabel('What').selectOption('recognised');
      // The old rows stay until the chosen ones are there.
      await page.locator('.event', { hasText: 'Somebody appeared' }).first().waitFor({ state: 'detached' });
      await page.locator('.event', { hasText: 'lin-manuel-miranda' }).first().waitFor();
      assert.equal(await page.locator('.event', { hasText: 'Somebody appeared' }).count(), 0);
      await card.getByRole('button', { name: 'Stop Stage' }).click();
      await card.getByText('Stopped').first().waitFor();
    } finally {
      stop();
    }
  });

  it('takes frames over a WebSocket', async () => {
    page = await openPage(browser, server, { route: 'live' });
    const { cameras: [camera] } = await server.api('GET', '/v1/cameras');
    await page.getByRole('button', { name: 'Start Stage' }).click();
    await page.getByText('Waiting for frames').waitFor();
    await page.evaluate(async ([id, frame]) => {
      const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/v1/cameras/${id}/frames`);
      await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error('no WebSocket')); });
      const bytes = Uint8Array.from(atob(frame), (character) => character.charCodeAt(0));
      setInterval(() => socket.send(bytes), 100);
    }, [camera.id, picturesOf(clip)[0].toString('base64')]);
    await page.locator('.camera-card').getByText('Running').waitFor();
    await page.locator('.camera-facts', { hasText: '640 × 360' }).waitFor();
  });

  it('says in words why a camera is refused, and keeps passwords to itself', async () => {
    page = await openPage(browser, server, { route: 'live' });
    page.expectFailure(403);
    await page.getByRole('button', { name: 'Add a camera' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Gate');
    await page.getByLabel('Address').fill('rtsp://192.168.77.1/live');
    await page.getByLabel('User').fill('admin');
    await page.getByLabel('Password').fill('hunter2');
    await page.getByRole('dialog').getByRole('button', { name: 'Add the camera' }).click();
    const words = await page.getByRole('dialog').locator('.notice-error').innerText();
    assert.match(words, /camera_hosts = \["192\.168\.77\.1"\]/);
    assert.ok(!words.includes('hunter2'));
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Delete Stage' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No cameras yet.').waitFor();
  });
});
