// The page Live, with a clip of real people for a camera.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { closePage, makeClip, openPage, picture, solvay, startBrowser, startServer, withoutData } from './support.mjs';

let server;
let browser;
let page;

before(async () => {
  server = await startServer();
  const clip = path.join(server.folder, 'camera.mjpeg');
  await makeClip(server, withoutData ? await solvay() : picture('video/short_hamilton_clip.mp4'), clip);
  assert.ok(fs.statSync(clip).size > 10_000);
  browser = await startBrowser({ clip });
  if (!withoutData) {
    for (const name of ['lin-manuel-miranda', 'alex-lacamoire']) {
      const answer = await fetch(`${server.base}/v1/galleries/default/enrol?subject=${name}&faces=largest`, {
        method: 'POST', headers: { 'content-type': 'image/png' }, body: fs.readFileSync(picture(`video/${name}.png`)),
      });
      assert.equal(answer.status, 201);
    }
  }
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
afterEach(async () => {
  if (page) await closePage(page);
  page = null;
});

async function start() {
  page = await openPage(browser, server, { route: 'live' });
  await page.getByRole('button', { name: 'Start the camera' }).click();
}

describe('live', () => {
  it('marks faces on the video, and says how fast', async () => {
    await start();
    await page.locator('.live-stage .box').first().waitFor({ timeout: 60_000 });
    await page.getByText(/frames a second · \d+ ms there and back/).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('The camera is off').waitFor();
    assert.equal(await page.locator('.live-stage video').count(), 0);
  });

  it('says so if the camera sends nothing, and can start again', async () => {
    page = await openPage(browser, server, { route: 'live' });
    await page.clock.install();
    await page.evaluate(() => {
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async () => {
        navigator.mediaDevices.getUserMedia = open;
        return new MediaStream([new MediaStreamTrackGenerator({ kind: 'video' })]);
      };
    });
    await page.getByRole('button', { name: 'Start the camera' }).click();
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await page.clock.fastForward(20_000);
    await page.getByText('The camera sends no picture.').waitFor();
    await page.getByRole('button', { name: 'Start the camera' }).click();
    await page.locator('.live-stage .box').first().waitFor({ timeout: 60_000 });
  });

  it('names people who are enrolled', { skip: withoutData }, async () => {
    await start();
    await page.locator('.live-stage .box-known').first().waitFor({ timeout: 60_000 });
    await page.locator('.in-view li', { hasText: /lin-manuel-miranda|alex-lacamoire/ }).first().waitFor();
  });

  it('hands a frame to the page Identify, and lets go of the camera', async () => {
    await start();
    await page.locator('.live-stage .box').first().waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Look at this frame' }).click();
    await page.getByRole('heading', { name: 'Who is on this picture?' }).waitFor();
    await page.locator('.results .picture img').waitFor();
    await page.getByRole('link', { name: 'Live' }).click();
    await page.getByText('The camera is off').waitFor();
  });

  it('waits for a server that is gone, and goes on with it', async () => {
    await start();
    page.expectFailure('ERR_');
    page.expectFailure(503);
    // Its sessions are gone with it.
    page.expectFailure(404);
    await page.locator('.live-stage .box').first().waitFor({ timeout: 60_000 });
    await server.end();
    await page.getByText('The server does not answer. This page looks for it every few seconds.').waitFor();
    await server.start();
    await page.locator('#banner > *').waitFor({ state: 'detached', timeout: 15_000 });
    await page.locator('.live-stage .box').first().waitFor({ timeout: 60_000 });
  });

  for (const [camera, words] of [['refused', 'The camera was refused.'], ['missing', 'There is no camera on this machine.']]) {
    it(`says in words that the camera is ${camera}`, async () => {
      const other = await startBrowser({ camera });
      try {
        const view = await openPage(other, server, { route: 'live' });
        await view.getByRole('button', { name: 'Start the camera' }).click();
        await view.getByText(words).waitFor();
        await view.getByRole('link', { name: 'Identify' }).click();
        await view.getByRole('button', { name: 'Use the camera' }).click();
        await view.getByRole('dialog').getByText(words).waitFor();
        await closePage(view);
      } finally {
        await other.close();
      }
    });
  }
});
