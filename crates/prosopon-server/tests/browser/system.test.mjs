// The page System, and keys: making one, signing in with it, and what it does not allow.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { choose, closePage, openPage, solvay, startBrowser, startServer, summary } from './support.mjs';

let browser;
let page;

before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());
afterEach(async () => {
  if (page) await closePage(page);
  page = null;
});

describe('system, on a server that asks for no key', () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  it('shows the server, its work, galleries, models with licences and thresholds', async () => {
    page = await openPage(browser, server, { route: 'system' });
    await page.getByRole('heading', { name: 'Server' }).waitFor();
    const text = await page.locator('.system').innerText();
    for (const part of ['Version', 'Backend', 'Queue', 'Galleries', 'Finds faces', 'Compares faces', 'May be used for', '1 in 1,000', 'Audit log']) {
      assert.ok(text.includes(part), part);
    }
    assert.equal(await page.getByRole('link', { name: 'HTTP API' }).getAttribute('href'), '/docs');
  });

  it('makes a key, shows it once, and revokes it', async () => {
    page = await openPage(browser, server, { route: 'system' });
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('door');
    await page.getByRole('dialog').getByRole('button', { name: 'Make the key' }).click();
    const key = await page.getByRole('textbox', { name: 'The key' }).inputValue();
    assert.ok(key.length >= 32);
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied.').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
    await page.keyboard.press('Escape');
    const row = page.locator('tr', { hasText: 'door' });
    await row.waitFor();
    assert.ok(!(await page.content()).includes(key));
    await row.getByRole('button', { name: 'Revoke door' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.getByText('revoked').waitFor();
  });

  it('makes a gallery, and deletes it', async () => {
    page = await openPage(browser, server, { route: 'system' });
    await page.getByRole('button', { name: 'New gallery' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('visitors');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Delete visitors' }).waitFor();
    await page.getByRole('link', { name: 'Identify' }).click();
    assert.equal(await page.getByLabel('Gallery').inputValue(), 'visitors');
    await choose(page, await solvay());
    await summary(page);
    await page.getByLabel('Who is this?').fill('Guest');
    await page.keyboard.press('Enter');
    await page.locator('.verdict-known').waitFor();
    await page.getByLabel('Gallery').selectOption('default');
    await page.getByText('29 unknown').waitFor();
    await page.getByRole('link', { name: 'System' }).click();
    await page.getByRole('button', { name: 'Delete visitors' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('1 person and 1 face are deleted with it.').waitFor();
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('button', { name: 'Delete visitors' }).waitFor({ state: 'detached' });
    assert.equal((await server.api('GET', '/v1/galleries')).galleries.length, 1);
  });

  it('says that the server is gone, and goes on when it is back', async () => {
    page = await openPage(browser, server, { route: 'identify' });
    page.expectFailure('ERR_');
    await page.locator('.drop-zone').waitFor();
    await server.end();
    await choose(page, await solvay());
    const notice = page.locator('.result-status .notice-error');
    await notice.getByText('The server does not answer.').waitFor();
    await server.start();
    await page.locator('#banner > *').waitFor({ state: 'detached', timeout: 15_000 });
    await notice.getByRole('button', { name: 'Try again' }).click();
    assert.match(await summary(page), /^29 faces/);
  });
});

describe('system, on a server that asks for keys', () => {
  let server;
  const key = async (name, scope) => /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(await server.command('keys', 'create', name, '--scope', scope))[0];

  before(async () => {
    server = await startServer({ args: ['--require-keys', 'always'] });
  });
  after(() => server?.stop());

  async function signIn(secret) {
    page = await openPage(browser, server);
    await page.getByLabel('Key').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  it('asks for a key, and says that a wrong one is wrong', async () => {
    page = await openPage(browser, server);
    page.expectFailure(401);
    await page.getByLabel('Key').fill('00000000-0000-4000-8000-000000000000');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.sign-in .notice-error').waitFor();
    assert.equal(await page.locator('.tabs a').count(), 0);
  });

  it('signs in with a key and out again', async () => {
    await signIn(await key('boss', 'admin'));
    await page.getByText('boss').waitFor();
    await page.getByRole('link', { name: 'System' }).click();
    await page.getByRole('row', { name: /boss/ }).first().waitFor();
    assert.deepEqual(await page.evaluate(() => document.cookie), '');
    await page.reload();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Key').waitFor();
    await page.reload();
    await page.getByLabel('Key').waitFor();
  });

  it('does not offer what a key does not allow', async () => {
    await signIn(await key('door', 'identify'));
    await choose(page, await solvay());
    assert.match(await summary(page), /^29 faces/);
    assert.equal(await page.locator('.enrol-form').count(), 0);
    assert.deepEqual(await page.locator('.tabs a').allInnerTexts(), ['Identify', 'Compare', 'Live', 'Classic', 'Train', 'System']);
    await page.evaluate(() => { location.hash = '#/people'; });
    await page.getByText('Your key does not allow this.').waitFor();
    await page.getByRole('link', { name: 'System' }).click();
    await page.getByText('Keys and the audit log are shown to keys with the scope “admin”').waitFor();
  });

  it('asks again once the key is revoked', async () => {
    await signIn(await key('guest', 'enrol'));
    await page.getByRole('link', { name: 'People' }).click();
    await page.getByText('Nobody is enrolled yet').waitFor();
    page.expectFailure(401);
    const list = await server.command('keys', 'list');
    const [id] = /\d+/.exec(list.split('\n').find((line) => line.includes('guest')));
    await server.command('keys', 'revoke', id);
    await page.getByLabel('Search by name').fill('a');
    await page.getByLabel('Key').waitFor();
  });
});
