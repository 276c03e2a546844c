// What the browser tests share: the real server with an empty gallery, a browser that is watched, real pictures.
//
// `scripts/test-browser` sets the environment:
//   PROSOPON_BIN           the built program
//   PROSOPON_HOME          where its models are
//   PROSOPON_SHARED        folder with `data/`, the test pictures; without it fewer tests run
//   PROSOPON_CHROMIUM      the browser
//   PROSOPON_PLAYWRIGHT    folder that playwright-core is installed in
//   PROSOPON_SCREENSHOTS   where pictures of the pages go

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

function wanted(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run scripts/test-browser`);
  return value;
}

const bin = wanted('PROSOPON_BIN');
const { chromium } = createRequire(`${wanted('PROSOPON_PLAYWRIGHT')}/`)('playwright-core');

export const screenshots = wanted('PROSOPON_SCREENSHOTS');
fs.mkdirSync(screenshots, { recursive: true });

const shared = process.env.PROSOPON_SHARED;
const data = shared && fs.existsSync(path.join(shared, 'data')) ? path.join(shared, 'data') : null;
if (!data && process.env.CI === 'true') throw new Error('the folder of test pictures is missing');

/// Why a test is left out where there are no test pictures; false where there are.
export const withoutData = data ? false : 'needs the shared test pictures';

/// A test picture by its path below `data/`.
export const picture = (name) => path.join(data ?? '', name);

/// The first `n` pictures of one of the five actors, of one size class: each has exactly one face.
const ACTORS = {
  billy_boyd: ['1.jpg', '23.jpg', '3.jpg', '34.jpg', '568405-billybilly2lh.jpg', '640px-Billy_boyd_2022_1.jpg'],
  elijah_wood: ['1200px-Elijah_Wood_5976225765.jpg', '450.jpg', '4952.jpg', '5505201647_6546293d94_z.jpg', '640px-Elijah_Wood_47955397556_cr.jpg', '800px-Elijah_Wood_2014_Comic_Con.jpg'],
  sean_astin: ['1-Sean-Astin-headshot-copy.jpg', '1200px-Sean_Astin_2_SDCC_2014.jpg', '636px-Sean_Astin.jpg', '640px-Sean_Astin_SDCC_2014_cropp.jpg', '360.jpg', '71319e25c518652a38a95c90ab6eeb06.jpg'],
};
export const actor = (name, from = 0, to = from + 1) => ACTORS[name].slice(from, to).map((file) => picture(`hobbit/dataset/${name}/${file}`));

/// The photograph that comes with the models: 29 people.
export async function solvay() {
  const { stdout } = await run(bin, ['models', 'path', 'solvay']);
  return stdout.trim();
}

export function temporaryFolder() {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'prosopon-browser-'));
}

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

/// Starts the program as a server with a gallery of its own, and waits until its models are loaded. `settings` are
/// environment variables.
export async function startServer({ args = [], settings = {} } = {}) {
  const folder = temporaryFolder();
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    PROSOPON_GALLERY: path.join(folder, 'gallery.db'),
    PROSOPON_GALLERIES_DIR: path.join(folder, 'galleries'),
    PROSOPON_ALBUMS_DIR: path.join(folder, 'albums'),
    PROSOPON_CLASSIFIERS_DIR: path.join(folder, 'classifiers'),
    PROSOPON_SERVER_DB: path.join(folder, 'server.db'),
    PROSOPON_EVENTS_DB: path.join(folder, 'events.db'),
    ...settings,
  };
  let child;
  let log = '';

  async function start() {
    child = spawn(bin, ['serve', '--offline', '--listen', `127.0.0.1:${port}`, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder, env });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { log += text; });
    for (let tries = 0; tries < 600; tries += 1) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${log}`);
      const isReady = await fetch(`${base}/health/ready`).then((answer) => answer.ok, () => false);
      if (isReady) return;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    throw new Error(`the server is not ready after a minute:\n${log}`);
  }

  async function end() {
    if (child.exitCode !== null) return;
    const ended = new Promise((resolve) => { child.once('exit', resolve); });
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(timer);
  }

  await start();
  return {
    base,
    folder,
    start,
    end,
    log: () => log,
    /// Another command of the program on the same files.
    command: async (...words) => (await run(bin, words, { cwd: folder, env })).stdout,
    /// Asks the API directly, past the page.
    api: async (method, address, json) => {
      const answer = await fetch(base + address, { method, headers: json ? { 'content-type': 'application/json' } : {}, body: json && JSON.stringify(json) });
      assert.ok(answer.ok, `${method} ${address}: ${answer.status}`);
      return answer.status === 204 ? null : answer.json();
    },
    stop: async () => {
      await end();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/// Starts the browser. `clip` is a video that it takes for its camera; `camera` is `allowed`, `refused` or `missing`.
export function startBrowser({ clip, camera = 'allowed' } = {}) {
  return chromium.launch({
    executablePath: wanted('PROSOPON_CHROMIUM'),
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      ...(camera === 'missing' ? [] : ['--use-fake-device-for-media-stream']),
      camera === 'refused' ? '--deny-permission-prompts' : '--use-fake-ui-for-media-stream',
      ...(clip ? [`--use-file-for-fake-video-capture=${clip}`] : []),
    ],
  });
}

/// Opens the page of `server` and watches it: `page.troubles` collects console errors, broken rules of the content
/// security policy and requests to anywhere else. `page.expectFailure(422)` says which failed answers are part of the test.
export async function openPage(browser, server, { route = 'identify', scheme = 'light', width = 1280, height = 900 } = {}) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height }, locale: 'en-GB', reducedMotion: 'reduce' });
  // Builds and other tests may keep the machine busy.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const expected = [];
  page.troubles = [];
  page.expectFailure = (text) => expected.push(String(text));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const text = message.text();
    const isExpected = text.startsWith('Failed to load resource') && expected.some((part) => text.includes(part));
    if (!isExpected) page.troubles.push(`console: ${text} (${message.location().url})`);
  });
  page.on('pageerror', (error) => page.troubles.push(`error: ${error.stack}`));
  page.on('crash', () => page.troubles.push('the page crashed'));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${server.base}/`) && !/^(blob|data):/.test(url)) page.troubles.push(`request to elsewhere: ${url}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(`${server.base}/#/${route}`);
  return page;
}

/// Ends a page; fails if anything went wrong on it that the test did not expect.
export async function closePage(page) {
  await page.context().close();
  assert.deepEqual(page.troubles, []);
}

/// Chooses the files of the picture input number `index` of the page on show.
export async function choose(page, files, index = 0) {
  await page.locator('main input[type=file]').nth(index).setInputFiles(files);
}

/// Waits until the picture is answered, and gives the words above it.
export async function summary(page) {
  const line = page.locator('.result-status .summary');
  await line.waitFor({ timeout: 60_000 });
  return line.innerText();
}

/// Drops real files or folders on the middle of an element, as a hand would.
export async function dropOn(page, selector, files) {
  const { x, y, width, height } = await page.locator(selector).first().boundingBox();
  const session = await page.context().newCDPSession(page);
  const event = { x: x + width / 2, y: y + Math.min(height / 2, 100), data: { items: [], files, dragOperationsMask: 1 } };
  for (const type of ['dragEnter', 'dragOver', 'drop']) await session.send('Input.dispatchDragEvent', { type, ...event });
  await session.detach();
}

/// Pastes a picture as the clipboard would give it.
export async function paste(page, file) {
  const bytes = fs.readFileSync(file).toString('base64');
  await page.evaluate(([encoded, name]) => {
    const array = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([array], name, { type: 'image/jpeg' }));
    document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true }));
  }, [bytes, path.basename(file)]);
}

/// Makes a video for the browser's fake camera: frames of a real clip, or of photographs, one after the other, as
/// motion JPEG. The browser itself decodes and scales them, so no other program is needed.
export async function makeClip(server, source, target, { frames = 12, hold = 20 } = {}) {
  const browser = await startBrowser();
  try {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${server.base}/assets/mark.svg`);
    const isVideo = /\.(mp4|webm)$/.test(source);
    const images = await page.evaluate(async ([encoded, video, n]) => {
      const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
      const url = URL.createObjectURL(new Blob([bytes]));
      const canvas = new OffscreenCanvas(640, 360);
      const context = canvas.getContext('2d');
      const element = document.createElementNS('http://www.w3.org/1999/xhtml', video ? 'video' : 'img');
      element.src = url;
      if (video) await new Promise((resolve, reject) => { element.onloadeddata = resolve; element.onerror = () => reject(new Error('the clip cannot be played')); });
      else await element.decode();
      const [width, height] = video ? [element.videoWidth, element.videoHeight] : [element.naturalWidth, element.naturalHeight];
      const scale = Math.min(640 / width, 360 / height);
      const out = [];
      for (let i = 0; i < n; i += 1) {
        if (video) {
          element.currentTime = (element.duration * (i + 0.5)) / n;
          await new Promise((resolve) => { element.onseeked = resolve; });
        }
        context.fillRect(0, 0, 640, 360);
        context.drawImage(element, (640 - width * scale) / 2, (360 - height * scale) / 2, width * scale, height * scale);
        const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
        let text = '';
        for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
        out.push(btoa(text));
      }
      return out;
    }, [fs.readFileSync(source).toString('base64'), isVideo, frames]);
    // The camera shows 30 frames a second: each picture stays long enough for an answer about it.
    fs.writeFileSync(target, Buffer.concat(images.flatMap((image) => Array(hold).fill(Buffer.from(image, 'base64')))));
  } finally {
    await browser.close();
  }
}

/// Makes a clip of two people, one after the other, each for five seconds: long enough to be sure of them.
export async function makePortraits(server, target) {
  const parts = [];
  for (const name of ['lin-manuel-miranda', 'alex-lacamoire']) {
    await makeClip(server, picture(`video/${name}.png`), target, { frames: 1, hold: 60 });
    parts.push(fs.readFileSync(target));
  }
  fs.writeFileSync(target, Buffer.concat(parts));
}

/// The pictures of a clip that `makeClip` made.
export function picturesOf(clip) {
  const bytes = fs.readFileSync(clip);
  const pictures = [];
  for (let start = 0; start >= 0;) {
    const end = bytes.indexOf(Buffer.from([0xff, 0xd8, 0xff]), start + 2);
    pictures.push(bytes.subarray(start, end < 0 ? undefined : end));
    start = end;
  }
  return pictures;
}

/// Sends a clip to a camera of the server over and over, 12 frames a second, in one request; answers with the function
/// that ends it.
export function pushClip(server, id, clip) {
  const pictures = picturesOf(clip);
  const request = http.request(`${server.base}/v1/cameras/${id}/frames`, { method: 'POST', headers: { 'content-type': 'image/jpeg' } });
  // The server ends it when the camera is stopped.
  request.on('error', () => {});
  request.on('response', (answer) => answer.resume());
  let n = 0;
  const timer = setInterval(() => request.write(pictures[n++ % pictures.length]), 80);
  return () => {
    clearInterval(timer);
    request.destroy();
  };
}
