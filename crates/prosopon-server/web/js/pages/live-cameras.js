// The cameras that the server watches: what each sees, how it is doing, and what it is set to.

import * as api from '../api.js';
import { confirmed, openDialog } from '../dialog.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { errorNotice, notice, prose, toast } from '../notices.js';
import { sleep } from '../patience.js';
import { can } from '../state.js';
import * as words from '../words.js';
import { cameraForm } from './live-camera-form.js';

const POLL_SECS = 2;
// A browser opens six connections to a server. Streams would take them all; more cameras show a picture now and then.
const MOST_STREAMS = 2;

const STATUS = {
  stopped: ['Stopped', 'plain'],
  waiting: ['Waiting', 'plain'],
  connecting: ['Connecting', 'uncertain'],
  running: ['Running', 'known'],
  lost: ['Lost', 'wrong'],
  ended: ['Ended', 'plain'],
  failed: ['Failed', 'wrong'],
};

/// `oncameras(cameras)` is told whenever they are known anew.
export function liveCameras({ oncameras }) {
  const cards = new Map();
  const trouble = h('div', { class: 'live-trouble' });
  const grid = h('ul', { class: 'camera-grid' });
  const mayChange = can('admin');
  const add = h('button', { type: 'button', onclick: () => change(null) }, icon('plus'), 'Add a camera');
  const none = h('p', { class: 'soft', hidden: true }, mayChange
    ? 'No cameras yet. Network cameras (RTSP, MJPEG), webcams of the server and pushed frames can be watched day and night: who comes is told here, and to webhooks and MQTT.'
    : 'No cameras yet. Whoever has a key with the scope “admin” can add some.');
  const element = h('section', { class: 'cameras', 'aria-label': 'Cameras' },
    h('div', { class: 'section-head' }, h('h2', {}, 'Cameras'), mayChange ? add : null), trouble, none, grid);
  let polling = null;
  let turn = 0;

  async function load() {
    const { cameras } = await api.cameras.list(polling?.signal);
    fill(trouble);
    none.hidden = cameras.length > 0;
    grid.hidden = cameras.length === 0;
    const known = new Set(cameras.map(({ id }) => id));
    for (const [id, card] of cards) {
      if (known.has(id)) continue;
      card.rest();
      card.element.remove();
      cards.delete(id);
    }
    const running = cameras.filter(({ state }) => state.status === 'running');
    for (const camera of cameras) {
      let card = cards.get(camera.id);
      if (!card) {
        card = cameraCard({ mayChange, onchange: change, onchanged: reload, onerror: (error) => fill(trouble, errorNotice(error)) });
        cards.set(camera.id, card);
        grid.append(card.element);
      }
      card.show(camera, running.length <= MOST_STREAMS);
    }
    oncameras(cameras);
    return running;
  }

  async function poll(signal) {
    while (!signal.aborted) {
      try {
        const running = await load();
        // One picture in each round, of one camera after the other.
        if (running.length > MOST_STREAMS) await cards.get(running[turn++ % running.length].id)?.refresh(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!error.isUnreachable) fill(trouble, errorNotice(error));
        for (const card of cards.values()) card.rest();
      }
      await sleep(cards.size > MOST_STREAMS ? 0.5 : POLL_SECS, signal).catch(() => {});
    }
  }

  const reload = () => load().catch((error) => fill(trouble, errorNotice(error)));

  function change(camera) {
    cameraForm({ camera, onsaved: reload });
  }

  function start() {
    stop();
    polling = new AbortController();
    poll(polling.signal);
  }

  function stop() {
    polling?.abort();
    polling = null;
    for (const card of cards.values()) card.rest();
  }

  return { element, show: start, hide: stop, rest: (isHidden) => (isHidden ? stop() : start()) };
}

function cameraCard({ mayChange, onchange, onchanged, onerror }) {
  let camera = null;
  let shown = '';
  let address = null;
  const image = h('img', { class: 'camera-picture', alt: '' });
  const absence = h('p', { class: 'camera-nothing' });
  const look = h('button', { type: 'button', class: 'camera-look', onclick: () => enlarge(camera) }, image);
  const place = h('div', { class: 'camera-place' }, look, absence);
  const name = h('h3', {});
  const status = h('span', { class: 'tag' });
  const facts = h('p', { class: 'camera-facts number soft' });
  const seen = h('p', { class: 'camera-seen' });
  const reason = h('div', {});
  const toggle = h('button', { type: 'button', class: 'small', onclick: switchIt });
  const edit = h('button', { type: 'button', class: 'small', onclick: () => onchange(camera) }, 'Change');
  const remove = h('button', { type: 'button', class: 'small danger-quiet', onclick: removeIt }, 'Delete');
  const element = h('li', { class: 'card camera-card' }, place,
    h('div', { class: 'camera-words' }, h('div', { class: 'camera-head' }, name, status), seen, facts, reason,
      mayChange ? h('div', { class: 'buttons' }, toggle, edit, remove) : null));

  function show(now, isStream) {
    camera = now;
    const { state } = camera;
    const [text, kind] = STATUS[state.status] ?? [state.status, 'plain'];
    fill(name, camera.name);
    fill(status, text);
    status.className = `tag tag-${kind}`;
    const isOn = camera.enabled;
    fill(toggle, icon(isOn ? 'stop' : 'play'), isOn ? 'Stop' : 'Start');
    toggle.setAttribute('aria-label', `${isOn ? 'Stop' : 'Start'} ${camera.name}`);
    edit.setAttribute('aria-label', `Change ${camera.name}`);
    remove.setAttribute('aria-label', `Delete ${camera.name}`);
    look.setAttribute('aria-label', `Look through ${camera.name}`);
    fill(facts, [
      state.frame_size && `${state.frame_size[0]} × ${state.frame_size[1]}`,
      state.status === 'running' && `${state.frames_per_second.toFixed(1)} frames a second`,
      state.status === 'running' && state.n_dropped > 0 && `${words.whole(state.n_dropped)} left out`,
      state.uptime_secs !== null && `up ${words.duration(state.uptime_secs)}`,
    ].filter(Boolean).join(' · ') || camera.address || 'The address cannot be read any more');
    facts.title = camera.address ?? '';
    fill(seen, people(state.tracks));
    seen.hidden = state.status !== 'running';
    fill(reason, state.reason ? notice('warning', prose(state.reason), state.hint ? h('p', {}, prose(state.hint)) : null) : null);

    const isRunning = state.status === 'running';
    look.hidden = !isRunning;
    absence.hidden = isRunning;
    fill(absence, icon('camera'), { stopped: 'Stopped', waiting: camera.address === 'push:' ? 'Waiting for frames' : 'Waiting', connecting: 'Connecting…', lost: 'No picture', failed: 'No picture', ended: 'The file has ended' }[state.status] ?? '');
    // A stream ends with the camera: after an interruption it is asked for anew.
    const wanted = isRunning && isStream ? `${state.since_millis}` : '';
    if (wanted !== shown) {
      shown = wanted;
      setImage(wanted ? `${api.cameras.previewAddress(camera.id)}?_=${wanted}` : null);
    }
  }

  function setImage(source) {
    if (address) URL.revokeObjectURL(address);
    address = null;
    if (source) image.src = source;
    else image.removeAttribute('src');
  }

  /// One picture, in place of a stream.
  async function refresh(signal) {
    try {
      const blob = await api.cameras.frame(camera.id, signal);
      const next = URL.createObjectURL(blob);
      setImage(next);
      address = next;
    } catch (error) {
      if (!error.isBusy && !signal.aborted && error.status !== 409) throw error;
    }
  }

  /// Lets go of the stream.
  function rest() {
    shown = '';
    setImage(null);
  }

  async function switchIt() {
    toggle.disabled = true;
    try {
      await (camera.enabled ? api.cameras.stop(camera.id) : api.cameras.start(camera.id));
      await onchanged();
    } catch (error) {
      onerror(error);
    } finally {
      toggle.disabled = false;
    }
  }

  async function removeIt() {
    if (!await confirmed(`Delete ${camera.name}?`, 'The camera is watched no more and its address is forgotten. Its events stay.', 'Delete')) return;
    try {
      await api.cameras.remove(camera.id);
      toast(`${camera.name} is deleted.`);
      await onchanged();
    } catch (error) {
      onerror(error);
    }
  }

  return { element, show, refresh, rest };
}

/// Who is in view, in words.
function people(tracks) {
  const names = tracks.filter(({ subject }) => subject).map(({ subject }) => subject);
  const unknown = tracks.filter(({ identity }) => identity === 'unknown').length;
  const undecided = tracks.length - names.length - unknown;
  const parts = [...names, unknown && `${words.whole(unknown)} unknown`, undecided > 0 && `${words.whole(undecided)} being looked at`].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : 'Nobody in view';
}

/// The preview in the whole width of the window.
function enlarge(camera) {
  const image = h('img', { class: 'camera-large', alt: `What ${camera.name} sees`, src: `${api.cameras.previewAddress(camera.id)}?_=${Date.now()}` });
  openDialog(camera.name, h('div', { class: 'dialog-body' }, image), { wide: true, onclosed: () => image.removeAttribute('src') });
}
