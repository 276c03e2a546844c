// The page Identify: a picture in, faces out, unknown said plainly, a face enrolled by typing a name.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { actor, choose, closePage, dropOn, openPage, paste, picture, solvay, startBrowser, startServer, summary, withoutData } from './support.mjs';

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

const panel = () => page.locator('.face-panel');
const verdict = () => panel().locator('.verdict').innerText();

describe('identify, with nobody enrolled', () => {
  it('marks every face of a large photograph and says that nobody is enrolled', async () => {
    page = await openPage(browser, server);
    await page.getByText('Nobody is enrolled yet').waitFor();
    await choose(page, await solvay());
    assert.match(await summary(page), /^29 faces: 29 unknown/);
    assert.equal(await page.locator('.box').count(), 29);
    assert.equal(await page.locator('.strip .thumb').count(), 29);
    assert.equal(await verdict(), 'Unknown');
    assert.match(await panel().innerText(), /Nobody is enrolled in this gallery yet/);
  });

  it('goes from face to face with buttons, arrow keys and clicks', async () => {
    page = await openPage(browser, server);
    await choose(page, await solvay());
    await summary(page);
    const position = panel().locator('.stepper');
    assert.match(await position.innerText(), /Face 1 of 29/);
    await page.getByRole('button', { name: 'Next face' }).click();
    assert.match(await position.innerText(), /Face 2 of 29/);
    await page.keyboard.press('ArrowRight');
    assert.match(await position.innerText(), /Face 3 of 29/);
    await page.keyboard.press('ArrowLeft');
    await page.getByRole('button', { name: 'Previous face' }).click();
    await page.keyboard.press('ArrowLeft');
    assert.match(await position.innerText(), /Face 29 of 29/);
    assert.equal(await page.locator('.box-selected').count(), 1);
    await page.locator('.box').nth(4).click();
    assert.match(await position.innerText(), /Face 5 of 29/);
    assert.equal(await page.locator('.strip .thumb[aria-current]').getAttribute('aria-label'), 'Face 5 of 29: unknown');
  });

  it('places boxes on the faces at any size of the window', async () => {
    page = await openPage(browser, server);
    await choose(page, await solvay());
    await summary(page);
    const share = async () => {
      const shown = await page.locator('.picture').boundingBox();
      const box = await page.locator('.box').first().boundingBox();
      return [(box.x - shown.x) / shown.width, (box.y - shown.y) / shown.height, box.width / shown.width];
    };
    const wide = await share();
    await page.setViewportSize({ width: 390, height: 800 });
    const narrow = await share();
    wide.forEach((value, i) => assert.ok(Math.abs(value - narrow[i]) < 0.005, `${wide} and ${narrow}`));
  });
});

describe('identify, on a server with no room', () => {
  it('waits as long as it is told to, then asks again', async () => {
    page = await openPage(browser, server);
    page.expectFailure(503);
    let refused = 0;
    await page.route('**/v1/identify?*', async (route) => {
      refused += 1;
      if (refused > 1) return route.fallback();
      return route.fulfill({ status: 503, headers: { 'retry-after': '1' }, json: { error: { code: 'queue_full', message: 'the queue is full' } } });
    });
    await choose(page, await solvay());
    await page.getByText('The queue is full. Trying again in 1 second.').waitFor();
    assert.match(await summary(page), /^29 faces/);
  });

  it('can be cancelled', async () => {
    page = await openPage(browser, server);
    page.expectFailure('ERR_');
    await page.route('**/v1/identify?*', () => {});
    await choose(page, await solvay());
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Drop a photograph here').waitFor();
    assert.equal(await page.locator('.progress-line').count(), 0);
    await page.unroute('**/v1/identify?*');
    await choose(page, await solvay());
    assert.match(await summary(page), /^29 faces/);
  });
});

describe('identify, enrolling', { skip: withoutData }, () => {
  it('enrols a face by its typed name and knows it on another picture', async () => {
    const [first, second] = actor('elijah_wood', 0, 2);
    page = await openPage(browser, server);
    await choose(page, first);
    await summary(page);
    await panel().getByLabel('Who is this?').fill('Elijah Wood');
    await panel().getByRole('button', { name: 'Enrol' }).click();
    await page.getByText('Elijah Wood is enrolled.').waitFor();
    await page.locator('.verdict-known').waitFor();
    assert.equal(await verdict(), 'Elijah Wood');

    await choose(page, second);
    await page.locator('.result-status .summary', { hasText: '450.jpg' }).waitFor();
    assert.match(await summary(page), /^1 face: 1 known/);
    assert.equal(await verdict(), 'Elijah Wood');
    assert.match(await panel().innerText(), /reaches the threshold of 0\.\d+\. Two different people would reach that in about 1 in 1,000 comparisons/);
    assert.equal(await page.locator('.box-label').innerText(), 'Elijah Wood');
  });

  it('says unknown plainly, who comes closest, and why that is not enough', async () => {
    page = await openPage(browser, server);
    await choose(page, actor('sean_astin'));
    await summary(page);
    assert.equal(await verdict(), 'Unknown');
    const text = await panel().innerText();
    assert.match(text, /The closest person is Elijah Wood with similarity -?0\.\d+, below the threshold of 0\.\d+/);
    assert.match(await panel().locator('.similarity-bar').getAttribute('aria-label'), /below the threshold/);
  });

  it('asks again when another error rate is chosen', async () => {
    page = await openPage(browser, server);
    await choose(page, actor('sean_astin'));
    await summary(page);
    const threshold = async () => Number(/threshold of (0\.\d+)/.exec(await panel().innerText())[1]);
    const usual = await threshold();
    await page.getByLabel('False matches').selectOption('0.00001');
    await panel().getByText('1 in 100,000').waitFor();
    assert.ok(await threshold() > usual);
    await page.reload();
    assert.equal(await page.getByLabel('False matches').inputValue(), '0.00001');
  });

  it('takes one face among several, and does not enrol it twice', async () => {
    page = await openPage(browser, server);
    await choose(page, picture('groups/group-2.jpg'));
    const before = await summary(page);
    const [, n] = /^(\d+) faces/.exec(before);
    assert.ok(Number(n) > 1, before);
    await page.keyboard.press('ArrowRight');
    await panel().getByLabel('Who is this?').fill('Second from somewhere');
    await page.keyboard.press('Enter');
    await page.locator('.verdict-known').waitFor();
    assert.equal(await verdict(), 'Second from somewhere');
    assert.match(await panel().locator('.stepper').innerText(), /Face 2 of/);

    await panel().getByText('Enrol this face too').click();
    await panel().getByRole('button', { name: 'Enrol', exact: true }).click();
    await panel().locator('.notice-warning').waitFor();
    const { galleries: [gallery] } = await server.api('GET', '/v1/galleries');
    assert.equal(gallery.faces, 2);
  });

  it('warns when a face looks like somebody else, and enrols it all the same when told to', async () => {
    const [, , third] = actor('elijah_wood', 0, 3);
    page = await openPage(browser, server);
    await choose(page, third);
    await summary(page);
    if (await page.locator('.face-panel details').count()) await panel().getByText('Enrol this face too').click();
    await panel().getByRole('combobox').fill('Somebody else');
    await panel().getByRole('button', { name: 'Enrol', exact: true }).click();
    const allTheSame = panel().getByRole('button', { name: 'Enrol as Somebody else all the same' });
    await allTheSame.waitFor();
    await allTheSame.click();
    await page.getByText('Somebody else is enrolled.').waitFor();
    const { subjects } = await server.api('GET', '/v1/galleries/default/subjects?search=Somebody');
    await server.api('DELETE', `/v1/galleries/default/subjects/${subjects[0].id}`);
  });

  it('offers the names that are known', async () => {
    page = await openPage(browser, server);
    await choose(page, actor('sean_astin'));
    await summary(page);
    await panel().getByLabel('Who is this?').fill('elij');
    await page.locator('datalist option[value="Elijah Wood"]').waitFor({ state: 'attached' });
  });
});

describe('identify, pictures from elsewhere', { skip: withoutData }, () => {
  it('takes a dropped picture', async () => {
    page = await openPage(browser, server);
    await page.locator('.drop-zone').waitFor();
    await dropOn(page, '.identify', actor('elijah_wood', 1));
    assert.match(await summary(page), /450\.jpg/);
  });

  it('takes a pasted picture', async () => {
    page = await openPage(browser, server);
    await page.locator('.drop-zone').waitFor();
    await paste(page, actor('elijah_wood', 1)[0]);
    assert.match(await summary(page), /^1 face/);
  });

  it('says in words that a file is broken, and goes on with the next', async () => {
    page = await openPage(browser, server);
    page.expectFailure(422);
    await choose(page, picture('hard/090_shortfile.bmp'));
    const notice = page.locator('.result-status .notice-error');
    await notice.waitFor();
    assert.match(await notice.innerText(), /090_shortfile\.bmp/);
    assert.ok((await notice.locator('.notice-title').innerText()).length > 10);
    await choose(page, actor('elijah_wood', 1));
    await summary(page);
    assert.equal(await notice.count(), 0);
  });

  it('shows the second picture, not the first, when the second is asked about again', async () => {
    page = await openPage(browser, server);
    page.expectFailure(500);
    await choose(page, picture('groups/group-2.jpg'));
    await summary(page);
    await page.route('**/v1/identify?*', (route) => route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'something went wrong' } } }), { times: 1 });
    await choose(page, actor('elijah_wood', 1));
    await page.getByRole('button', { name: 'Try again' }).click();
    assert.match(await summary(page), /450\.jpg/);
    const shown = await page.locator('.picture img').evaluate((image) => `${image.naturalWidth} × ${image.naturalHeight}`);
    assert.ok((await summary(page)).includes(`450.jpg, ${shown}`), shown);
  });

  it('says that there is no face', async () => {
    page = await openPage(browser, server);
    await choose(page, picture('hard/003_Landscape_0.jpg'));
    await page.getByText('No face was found on this picture.').waitFor();
    assert.equal(await page.locator('.picture img').count(), 1);
  });

  it('shows a turned photograph upright, with the boxes where the server means them', async () => {
    page = await openPage(browser, server);
    await choose(page, picture('hard/000_image_F1.jpg'));
    await page.locator('.picture img').waitFor();
    const size = await page.locator('.picture img').evaluate((image) => [image.naturalWidth, image.naturalHeight]);
    assert.deepEqual(size, [480, 640]);
  });

  it('shows a format that the browser cannot read as the server renders it', async () => {
    page = await openPage(browser, server);
    await choose(page, picture('hard/022_Tless0.tiff'));
    await page.getByText('Your browser cannot show this format').waitFor();
    assert.ok(await page.locator('.picture img').evaluate((image) => image.naturalWidth) > 0);
  });

  it('photographs with the camera', async () => {
    page = await openPage(browser, server);
    await page.getByRole('button', { name: 'Use the camera' }).click();
    const shutter = page.getByRole('button', { name: 'Take the picture' });
    await shutter.and(page.locator(':enabled')).waitFor();
    await shutter.click();
    await page.locator('.results .picture img').waitFor();
    assert.equal(await page.locator('dialog').count(), 0);
  });
});
