// Live: the camera with boxes and names over it. One frame is on its way at a time, so a slow server gets fewer.

import * as api from '../api.js';
import { boxesOver } from '../boxes.js';
import { cameraNotice, closeCamera, frameOf, listCameras, openCamera } from '../camera.js';
import { galleryChoice, rateChoice } from '../choices.js';
import { field, fill, h } from '../dom.js';
import { icon, OUTCOME_ICONS } from '../icons.js';
import { errorNotice } from '../notices.js';
import { patiently, sleep } from '../patience.js';
import { decision, state, store, storedChoice } from '../state.js';
import * as words from '../words.js';
import { identifyNext } from './identify.js';

const FRAME_WIDTH = 960;
const FRAME_QUALITY = 0.8;
// A name stays listed this long after its face was last seen, so that the list does not flicker.
const LINGER_MILLIS = 2500;

export function livePage() {
  let stream = null;
  let stopping = null;

  const video = h('video', { autoplay: true, playsinline: true, muted: true });
  const canvas = document.createElement('canvas');
  const mirror = h('input', { type: 'checkbox', checked: storedChoice('mirror') === 'true', onchange: showMirror });
  const boxes = boxesOver(video, { isMirrored: () => mirror.checked });
  const cameras = h('select', { onchange: () => stream && start() });
  const cameraField = field('Camera', cameras);
  cameraField.hidden = true;
  const button = h('button', { type: 'button', class: 'primary start', onclick: () => (stream ? stop() : start()) });
  const keep = h('button', { type: 'button', onclick: keepFrame }, icon('picture'), 'Look at this frame');
  const pace = h('p', { class: 'pace number' });
  const status = h('div', { class: 'live-status' });
  const names = h('ul', { class: 'in-view' });
  const said = h('div', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
  const stage = h('div', { class: 'stage live-stage' });
  const placeholder = h('div', { class: 'drop-zone live-placeholder' }, h('div', { class: 'drop-words' }, icon('camera'),
    h('p', { class: 'drop-title' }, 'The camera is off'),
    h('p', { class: 'soft' }, 'Frames go to this server only, one at a time, and are not kept.')));
  const element = h('section', { class: 'page live' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'Live'), h('div', { class: 'choices' }, galleryChoice(), rateChoice())),
    h('div', { class: 'toolbar' },
      h('div', { class: 'buttons' }, button, keep),
      h('div', { class: 'choices' }, cameraField, h('label', { class: 'check' }, mirror, 'Mirror'))),
    status,
    h('div', { class: 'results' }, h('div', { class: 'results-picture' }, stage, pace),
      h('aside', { class: 'card', 'aria-label': 'In view' }, h('h2', {}, 'In view'), names, said)));

  function showMirror() {
    store('mirror', String(mirror.checked));
    video.classList.toggle('mirrored', mirror.checked);
    boxes.show([]);
  }

  function showOff() {
    fill(button, icon('play'), 'Start the camera');
    keep.hidden = true;
    fill(stage, placeholder);
    fill(pace);
    fill(names, h('li', { class: 'soft' }, 'Nobody'));
    boxes.show([]);
  }

  async function start() {
    stop();
    fill(status);
    button.disabled = true;
    const controller = new AbortController();
    stopping = controller;
    try {
      const opened = await openCamera(cameras.value || undefined);
      if (controller.signal.aborted) return closeCamera(opened);
      stream = opened;
    } catch (error) {
      fill(status, cameraNotice(error));
      return undefined;
    } finally {
      button.disabled = false;
    }
    stream.getVideoTracks()[0].addEventListener('ended', () => {
      if (controller.signal.aborted) return;
      stop();
      fill(status, cameraNotice(new DOMException('', 'NotReadableError')));
    });
    video.srcObject = stream;
    fill(stage, boxes.element);
    fill(button, icon('stop'), 'Stop');
    keep.hidden = false;
    await listChoices();
    if (!video.videoWidth) await new Promise((resolve) => { video.addEventListener('loadedmetadata', resolve, { once: true }); });
    boxes.fit(video.videoWidth, video.videoHeight);
    return run(controller.signal);
  }

  async function listChoices() {
    const found = await listCameras();
    const current = stream?.getVideoTracks()[0]?.getSettings().deviceId;
    fill(cameras, found.map((camera, index) => h('option', { value: camera.deviceId, selected: camera.deviceId === current }, camera.label || `Camera ${index + 1}`)));
    cameraField.hidden = found.length < 2;
  }

  function stop() {
    stopping?.abort();
    closeCamera(stream);
    stream = null;
    video.srcObject = null;
    showOff();
  }

  async function run(signal) {
    const seen = new Map();
    const times = [];
    while (!signal.aborted) {
      try {
        // A page in the background shows nothing: the server is left in peace.
        if (document.hidden) await sleep(0.5, signal);
        else await oneFrame(signal, seen, times);
      } catch (error) {
        if (error.name === 'AbortError' || signal.aborted) return;
        if (!error.isUnreachable) {
          stop();
          fill(status, errorNotice(error));
          return;
        }
        boxes.show([]);
        fill(pace, 'Waiting for the server…');
        await sleep(2, signal).catch(() => {});
      }
    }
  }

  async function oneFrame(signal, seen, times) {
    const frame = await frameOf(video, { maxWidth: FRAME_WIDTH, quality: FRAME_QUALITY, canvas });
    const started = performance.now();
    let waited = 0;
    const query = { ...decision(), gallery: state.gallery, candidates: 1 };
    const answer = await patiently(() => api.ask.identifyFrame(frame, query, signal), {
      signal,
      onwait(secs, error) {
        waited += secs * 1000;
        fill(pace, `${words.sentence(error.message)} Next frame in ${words.count(secs, 'second')}.`);
      },
    });
    if (signal.aborted) return;
    const now = performance.now();
    show(answer, seen, now);
    times.push(now);
    while (times.length > 1 && times[0] < now - 4000) times.shift();
    const perSecond = times.length > 1 ? ((times.length - 1) * 1000) / (now - times[0]) : null;
    fill(pace, [perSecond && `${perSecond.toFixed(1)} frames a second`, `${Math.round(now - started - waited)} ms there and back`, `${answer.width} × ${answer.height}`].filter(Boolean).join(' · '));
  }

  function show(answer, seen, now) {
    boxes.show(answer.faces.map((face) => ({
      box: face.bounding_box_normalized,
      kind: face.identification.outcome,
      label: words.who(face.identification),
    })));
    for (const { identification } of answer.faces) {
      const { outcome, similarity } = identification;
      if (outcome !== 'unknown') seen.set(words.who(identification), { at: now, similarity, outcome });
    }
    for (const [name, { at }] of seen) if (now - at > LINGER_MILLIS) seen.delete(name);
    const unknown = answer.faces.filter((face) => face.identification.outcome === 'unknown').length;
    const lines = [...seen].map(([name, { similarity, outcome }]) => h('li', { class: outcome }, icon(OUTCOME_ICONS[outcome]), h('span', {}, name), h('span', { class: 'number soft' }, words.similarity(similarity))));
    if (unknown > 0) lines.push(h('li', { class: 'unknown' }, icon('question'), h('span', {}, `${words.whole(unknown)} unknown`)));
    fill(names, lines.length > 0 ? lines : h('li', { class: 'soft' }, 'Nobody'));
    const text = [...seen.keys(), unknown ? `${unknown} unknown` : null].filter(Boolean).join(', ');
    if (said.textContent !== text) fill(said, text);
  }

  async function keepFrame() {
    const blob = await frameOf(video);
    const at = new Date().toLocaleTimeString().replaceAll(':', '.');
    identifyNext(new File([blob], `frame ${at}.jpg`, { type: blob.type }));
  }

  showMirror();
  showOff();
  return { element, show() {}, hide: stop };
}
