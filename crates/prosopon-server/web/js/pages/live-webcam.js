// The camera of this browser with boxes and names over it. One frame is on its way at a time, so a slow server gets
// fewer. The server follows faces from frame to frame: a name that was found stays.

import * as api from '../api.js';
import { boxesOver } from '../boxes.js';
import { cameraNotice, closeCamera, firstPicture, frameOf, listCameras, openCamera } from '../camera.js';
import { galleryChoice, rateChoice } from '../choices.js';
import { field, fill, h } from '../dom.js';
import { icon, OUTCOME_ICONS } from '../icons.js';
import { errorNotice } from '../notices.js';
import { patiently, sleep } from '../patience.js';
import { changes, decision, state, store, storedChoice } from '../state.js';
import * as words from '../words.js';
import { identifyNext } from './identify.js';
import { challengePanel } from './live-challenge.js';

const FRAME_WIDTH = 960;
const FRAME_QUALITY = 0.8;
// A name stays listed this long after its face was last seen, so that the list does not flicker.
const LINGER_MILLIS = 2500;

export function liveWebcam() {
  let stream = null;
  let stopping = null;
  // The name of the session; none before there is one, or if the server has no room for more.
  let session = null;
  let withoutSession = false;

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
  const challenge = challengePanel({ begin: () => (session ? api.live.challenge(session) : null) });
  const element = h('section', { class: 'webcam', 'aria-label': 'This device' },
    h('div', { class: 'section-head' }, h('h2', {}, 'This device'), h('div', { class: 'choices' }, galleryChoice(), rateChoice())),
    h('div', { class: 'toolbar' },
      h('div', { class: 'buttons' }, button, keep, challenge.button),
      h('div', { class: 'choices' }, cameraField, h('label', { class: 'check' }, mirror, 'Mirror'))),
    status,
    h('div', { class: 'results' }, h('div', { class: 'results-picture' }, stage, pace),
      h('aside', { class: 'card', 'aria-label': 'In view' }, challenge.element, h('h3', {}, 'In view'), names, said)));

  function showMirror() {
    store('mirror', String(mirror.checked));
    video.classList.toggle('mirrored', mirror.checked);
    boxes.show([]);
  }

  function showOff() {
    fill(button, icon('play'), 'Start the camera');
    keep.hidden = true;
    challenge.hide();
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
    try {
      await firstPicture(video);
    } catch (error) {
      if (controller.signal.aborted) return undefined;
      stop();
      fill(status, cameraNotice(error));
      return undefined;
    }
    if (controller.signal.aborted) return undefined;
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
    endSession();
    showOff();
  }

  function endSession() {
    if (session) api.live.close(session).catch(() => {});
    session = null;
    withoutSession = false;
  }

  /// Opens a session if there is none. A server without room for one is asked about each frame alone.
  async function openSession(signal) {
    if (session || withoutSession) return;
    try {
      const { fmr, threshold } = decision();
      ({ id: session } = await api.live.open({ gallery: state.gallery, fmr, threshold }, signal));
      if (signal.aborted) endSession();
      else challenge.show();
    } catch (error) {
      if (error.code !== 'too_many_live_sessions' && error.status !== 404) throw error;
      withoutSession = true;
    }
  }

  /// The faces on a frame, from the session or from the frame alone.
  async function ask(frame, signal) {
    await openSession(signal);
    if (signal.aborted) throw new DOMException('given up', 'AbortError');
    if (withoutSession) {
      const answer = await api.ask.identifyFrame(frame, { ...decision(), gallery: state.gallery, candidates: 1 }, signal);
      return { ...answer, faces: answer.faces.map(({ bounding_box_normalized: box, identification }) => ({ box, kind: identification.outcome, name: words.who(identification), similarity: identification.similarity })) };
    }
    try {
      const answer = await api.live.frame(session, frame, signal);
      challenge.tell(answer.challenge);
      return { ...answer, faces: answer.tracks.map(({ bounding_box_normalized: box, identity, subject, similarity }) => ({ box, kind: identity === 'undecided' ? 'plain' : identity, name: subject ?? (identity === 'unknown' ? 'unknown' : ''), similarity })) };
    } catch (error) {
      // Over, as after a while in the background: the next frame opens another one.
      if (error.code === 'unknown_live_session') session = null;
      throw error;
    }
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
        if (error.code === 'unknown_live_session') continue;
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
    const answer = await patiently(() => ask(frame, signal), {
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
    boxes.show(answer.faces.map(({ box, kind, name }) => ({ box, kind, label: name })));
    for (const { kind, name, similarity } of answer.faces) {
      if (kind === 'known' || kind === 'uncertain') seen.set(name, { at: now, similarity, outcome: kind });
    }
    for (const [name, { at }] of seen) if (now - at > LINGER_MILLIS) seen.delete(name);
    const unknown = answer.faces.filter(({ kind }) => kind === 'unknown').length;
    const undecided = answer.faces.filter(({ kind }) => kind === 'plain').length;
    const lines = [...seen].map(([name, { similarity, outcome }]) => h('li', { class: outcome }, icon(OUTCOME_ICONS[outcome]), h('span', {}, name), h('span', { class: 'number soft' }, words.similarity(similarity))));
    if (unknown > 0) lines.push(h('li', { class: 'unknown' }, icon('question'), h('span', {}, `${words.whole(unknown)} unknown`)));
    if (undecided > 0) lines.push(h('li', { class: 'soft' }, icon('search'), h('span', {}, 'Looking…')));
    fill(names, lines.length > 0 ? lines : h('li', { class: 'soft' }, 'Nobody'));
    const text = [...seen.keys(), unknown ? `${unknown} unknown` : null].filter(Boolean).join(', ');
    if (said.textContent !== text) fill(said, text);
  }

  async function keepFrame() {
    const blob = await frameOf(video);
    const at = new Date().toLocaleTimeString().replaceAll(':', '.');
    identifyNext(new File([blob], `frame ${at}.jpg`, { type: blob.type }));
  }

  changes.addEventListener('choice', endSession);
  showMirror();
  showOff();
  return { element, show() {}, hide: stop };
}
