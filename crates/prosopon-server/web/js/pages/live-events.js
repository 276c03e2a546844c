// What cameras saw, newest first, as it happens.

import * as api from '../api.js';
import { field, fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { errorNotice, notice } from '../notices.js';
import { can, state } from '../state.js';
import * as words from '../words.js';
import { nameDialog } from './live-name.js';

const PAGE_SIZE = 20;
const MOST_ROWS = 300;

const KINDS = {
  appeared: ['Somebody appeared', 'person', ''],
  recognised: ['Recognised', 'check', 'known'],
  unknown: ['Nobody who is enrolled', 'question', 'unknown'],
  left: ['Left', 'leave', ''],
  spoof_suspected: ['Perhaps a picture of a face', 'warning', 'wrong'],
};

export function liveEvents() {
  let cameras = [];
  let next = null;
  let stream = null;
  let newest = 0;
  let turn = 0;
  const camera = h('select', { onchange: start }, h('option', { value: '' }, 'All'));
  const kind = h('select', { onchange: start }, h('option', { value: '' }, 'All'), Object.entries(KINDS).map(([value, [text]]) => h('option', { value }, text)));
  const trouble = h('div', { class: 'live-trouble' });
  const rows = h('ol', { class: 'events' });
  const none = h('p', { class: 'soft', hidden: true });
  const more = h('button', { type: 'button', class: 'more', hidden: true, onclick: () => load({ isMore: true }) }, 'Show earlier');
  const said = h('div', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
  const element = h('section', { class: 'card events-card', hidden: true, 'aria-label': 'Events' },
    h('div', { class: 'section-head' }, h('h2', {}, 'Events'), h('div', { class: 'choices' }, field('Camera', camera), field('What', kind))),
    trouble, none, rows, more, said);

  const query = () => ({ camera: camera.value, kind: kind.value });

  async function load({ isMore = false } = {}) {
    const mine = isMore ? turn : ++turn;
    const page = await api.events.list({ ...query(), limit: PAGE_SIZE, before: isMore ? next : null }).catch((error) => {
      fill(trouble, errorNotice(error));
      return null;
    });
    if (!page || mine !== turn) return false;
    fill(trouble);
    if (!isMore) fill(rows);
    rows.append(...page.events.map(row));
    newest = Math.max(newest, ...page.events.map(({ sequence }) => sequence));
    next = page.next;
    more.hidden = next === null;
    showNone();
    return true;
  }

  function showNone() {
    none.hidden = rows.childElementCount > 0;
    fill(none, camera.value || kind.value ? 'No such events.' : 'Nothing has happened yet. Whoever comes is listed here at once.');
    element.hidden = cameras.length === 0 && rows.childElementCount === 0 && !camera.value && !kind.value;
  }

  async function start() {
    stop();
    newest = 0;
    const mine = turn + 1;
    if (!await load() || mine !== turn) return;
    stream = api.events.stream({ ...query(), after: newest });
    const current = stream;
    for (const name of Object.keys(KINDS)) stream.addEventListener(name, ({ data }) => current === stream && come(JSON.parse(data)));
    stream.addEventListener('error', () => {
      // Otherwise the browser comes back by itself.
      if (current === stream && current.readyState === EventSource.CLOSED) fill(trouble, notice('warning', 'New events are not shown any more.', 'Load the page anew.'));
    });
  }

  function come(event) {
    if (event.sequence <= newest) return;
    newest = event.sequence;
    rows.prepend(row(event));
    while (rows.childElementCount > MOST_ROWS) rows.lastElementChild.remove();
    showNone();
    fill(said, `${event.camera}: ${title(event)}`);
  }

  function stop() {
    stream?.close();
    stream = null;
  }

  function row(event) {
    const [, symbol, colour] = KINDS[event.kind] ?? [event.kind, 'question', ''];
    const crop = event.has_crop
      ? h('img', { class: 'event-crop', src: api.events.cropAddress(event.id), alt: '', loading: 'lazy', decoding: 'async' })
      : h('span', { class: 'event-crop event-none', 'aria-hidden': 'true' }, icon('person'));
    crop.addEventListener('error', () => crop.replaceWith(h('span', { class: 'event-crop event-none', 'aria-hidden': 'true' }, icon('person'))));
    const mayName = event.kind === 'unknown' && event.has_crop && can('enrol');
    const actions = h('div', { class: 'event-action' }, mayName ? h('button', {
      type: 'button',
      class: 'small',
      'aria-label': `Name the unknown of ${time(event.at)}`,
      onclick: () => nameDialog({ event, gallery: galleryOf(event), onnamed: (name) => fill(actions, h('span', { class: 'tag tag-known' }, name)) }),
    }, 'Name') : null);
    const details = [event.camera, time(event.at),
      event.similarity !== undefined && event.kind !== 'left' ? `similarity ${words.similarity(event.similarity)}` : null,
      event.kind === 'left' ? `after ${words.duration((new Date(event.at) - new Date(event.since)) / 1000)}` : null,
      event.liveness !== undefined ? `liveness ${event.liveness.toFixed(2)}` : null,
      ...attributes(event.attributes)].filter(Boolean);
    return h('li', { class: `event ${colour ? `event-${colour}` : ''}` }, crop,
      h('div', { class: 'event-words' },
        h('p', { class: 'event-title' }, icon(symbol), h('span', {}, title(event))),
        h('p', { class: 'soft number' }, details.join(' · '))),
      actions);
  }

  const galleryOf = (event) => cameras.find(({ name }) => name === event.camera)?.gallery ?? state.gallery;

  /// Takes over which cameras there are.
  function know(now) {
    const names = now.map(({ name }) => name).join('\n');
    const isNew = names !== cameras.map(({ name }) => name).join('\n');
    cameras = now;
    if (!isNew) return;
    fill(camera, h('option', { value: '' }, 'All'), cameras.map(({ name }) => h('option', { value: name, selected: name === camera.value }, name)));
    showNone();
  }

  return { element, know, show: start, hide: stop, rest: (isHidden) => (isHidden ? stop() : start()) };
}

function title({ kind, subject }) {
  const name = subject?.name;
  if (kind === 'recognised' && name) return name;
  if (kind === 'left') return name ? `${name} left` : 'Somebody left';
  return KINDS[kind]?.[0] ?? kind;
}

function time(at) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(undefined, isToday ? { timeStyle: 'medium' } : { dateStyle: 'medium', timeStyle: 'medium' });
}

/// What was estimated, in words.
function attributes({ expression, age, gender } = {}) {
  return [
    expression?.label,
    typeof age === 'number' ? `about ${Math.round(age)} years` : null,
    gender?.label,
  ];
}
