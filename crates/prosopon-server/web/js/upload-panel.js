// Shows an upload: how far it is, and for each picture that was not taken why.

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { errorNotice, prose } from './notices.js';
import { finishAll } from './undo.js';
import { uploadOf } from './upload.js';
import * as words from './words.js';

const running = new Set();

// Leaving the page would end the upload: the browser asks first.
addEventListener('beforeunload', (event) => {
  if (running.size > 0) event.preventDefault();
});

const TELL_MILLIS = 2000;

/// Starts at once. `onadded` runs now and then as long as pictures are added, `ondone(upload)` each time that nothing is
/// left to send.
export function uploadPanel(items, send, { title, leftOut = [], onadded, ondone }) {
  const text = h('p', { class: 'number', role: 'status' });
  const meter = h('progress', { max: String(items.length), 'aria-label': title });
  const list = h('ul', { class: 'upload-list' });
  const trouble = h('div', {});
  const forAll = h('div', {});
  let told = { added: 0, at: 0 };
  const cancel = h('button', { type: 'button', onclick: () => upload.cancel() }, 'Cancel');
  const close = h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Close this report', hidden: true, onclick: () => element.remove() }, icon('close'));
  const element = h('section', { class: 'card upload', 'aria-label': title },
    h('div', { class: 'upload-head' }, h('h2', {}, title), cancel, close), meter, text, trouble, forAll, list);
  const rows = new Map();
  const n = new Set(items.map((item) => item.subject)).size;

  const upload = uploadOf(items, send, {
    onchange: show,
    onwait: (secs, error) => fill(text, `${words.sentence(error.message)} Trying again in ${words.count(secs, 'second')}.`),
  });

  function tally(state) {
    return items.filter((item) => item.state === state).length;
  }

  function show() {
    const added = tally('added');
    const known = items.filter((item) => item.state === 'rejected' && item.reason === 'duplicate').length;
    const rejected = tally('rejected') - known;
    const done = added + known + rejected;
    meter.value = done + upload.sentShare * 0.5;
    const parts = [`${words.whole(added)} added`, known && `${words.whole(known)} known already`, rejected && `${words.whole(rejected)} not taken`].filter(Boolean).join(', ');
    const unsent = items.length - done;
    if (upload.isRunning) fill(text, `${words.whole(done)} of ${words.count(items.length, 'picture')}: ${parts}`);
    else if (upload.isCancelled) fill(text, `Cancelled: ${parts}, ${words.whole(unsent)} left out.`);
    else fill(text, `${upload.error ? 'Stopped' : 'Done'}: ${parts}${unsent ? `, ${words.whole(unsent)} left` : ''}.`);
    cancel.hidden = !upload.isRunning;
    close.hidden = upload.isRunning;
    meter.hidden = !upload.isRunning;
    for (const item of items) showItem(item);
    showForAll();
    const now = performance.now();
    if (added > told.added && now - told.at > TELL_MILLIS) {
      told = { added, at: now };
      onadded?.();
    }
  }

  function showItem(item) {
    const isBad = item.state === 'rejected' && item.reason !== 'duplicate';
    if (!isBad) {
      rows.get(item)?.remove();
      rows.delete(item);
      return;
    }
    if (rows.has(item)) return;
    const row = h('li', {},
      h('span', { class: 'upload-file' }, item.file.name),
      h('span', {}, n > 1 ? `${item.subject}: ` : null, prose(item.message), item.hint && !remedy(item) ? [' ', prose(item.hint)] : null),
      remedy(item));
    rows.set(item, row);
    list.append(row);
  }

  /// What can be done about a picture that was not taken, as a button.
  function remedy(item) {
    const offer = (label, query) => h('button', { type: 'button', class: 'small', onclick: () => again([item], query) }, label);
    if (item.reason === 'multiple_faces') return offer('Take the largest face', { faces: 'largest' });
    if (item.reason === 'looks_like_another_subject') return offer('Enrol all the same', { allow_conflict: 'true' });
    return null;
  }

  /// One button in place of dozens.
  function showForAll() {
    const several = items.filter((item) => item.state === 'rejected' && item.reason === 'multiple_faces');
    fill(forAll, several.length > 1 && !upload.isRunning
      ? h('button', { type: 'button', class: 'small', onclick: () => again(several, { faces: 'largest' }) }, `Take the largest face of these ${words.whole(several.length)} pictures with several`)
      : null);
  }

  /// Sends pictures once more, with another query: now, or in their turn if others are still being sent.
  function again(some, query) {
    const common = { ...some[0].query, ...query };
    for (const item of some) Object.assign(item, { state: 'waiting', query: common, reason: null });
    if (upload.isRunning) show();
    else start();
  }

  function finish() {
    fill(trouble, upload.error ? errorNotice(upload.error, h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: start }, 'Go on'))) : null);
    ondone(upload);
  }

  async function start() {
    fill(trouble);
    running.add(upload);
    // Who was deleted just now and is enrolled again must not be deleted afterwards.
    await finishAll();
    try {
      await upload.run();
    } finally {
      running.delete(upload);
    }
    finish();
  }

  if (leftOut.length > 0) {
    const names = leftOut.slice(0, 3).join(', ') + (leftOut.length > 3 ? ' …' : '');
    element.append(h('p', { class: 'soft' }, `Left out, as no picture by its type: ${words.count(leftOut.length, 'file')} (${names}).`));
  }
  start();
  return element;
}
