// Identify: one picture, the faces on it, and who they are.

import * as api from '../api.js';
import { boxesOver } from '../boxes.js';
import { galleryChoice, rateChoice } from '../choices.js';
import { fill, h } from '../dom.js';
import { errorNotice, notice, toast } from '../notices.js';
import { patiently } from '../patience.js';
import { centerOf, cropOf, pictureFor, release } from '../picture.js';
import { pictureInput } from '../picture-input.js';
import { progressLine } from '../progress.js';
import { changes, decision, reloadGalleries, state } from '../state.js';
import { amongWhom } from '../why.js';
import * as words from '../words.js';
import { facePanel } from './face-panel.js';

/// A picture that another page hands over: it is identified as soon as this page is shown.
let handedOver = null;
export function identifyNext(file) {
  handedOver = file;
  location.hash = '#/identify';
}

export function identifyPage() {
  let file = null;
  let answer = null;
  let picture = null;
  let selected = 0;
  let running = null;

  const status = h('div', { class: 'result-status', 'aria-live': 'polite' });
  const stage = h('div', { class: 'stage' });
  const strip = h('div', { class: 'strip', role: 'group', 'aria-label': 'Faces' });
  const panel = facePanel({ onstep: step, onenrolled: enrolled });
  const holding = h('p', {});
  const input = pictureInput({
    title: 'Drop a photograph here',
    hint: 'or paste one, choose one, or take one. It goes to this server only, and is not kept.',
    onpicture: (chosen) => identify(chosen),
    more: holding,
  });
  const results = h('div', { class: 'results', hidden: true },
    h('div', { class: 'results-picture' }, stage, strip),
    panel.element);
  const element = h('section', { class: 'page identify' },
    h('div', { class: 'page-head' },
      h('h1', { tabindex: '-1' }, 'Who is on this picture?'),
      h('div', { class: 'choices' }, galleryChoice(), rateChoice())),
    input.element, status, results);
  input.acceptDrops(element);
  changes.addEventListener('choice', () => (file ? identify(file, { nearTo: answer?.faces[selected] }) : showHolding()));

  /// Who can be recognised at all, said before the first picture.
  async function showHolding() {
    await reloadGalleries().catch(() => {});
    const gallery = state.galleries.find(({ name }) => name === state.gallery);
    if (!gallery) return;
    fill(holding, gallery.subjects > 0
      ? ['Faces are looked for among ', h('a', { href: '#/people' }, words.count(gallery.subjects, 'person', 'people')), ` with ${words.count(gallery.faces, 'face')}.`]
      : 'Nobody is enrolled yet: every face will be unknown until you give it a name.');
  }

  /// Asks the server about `chosen`. With `nearTo` the face at the same place is selected afterwards.
  async function identify(chosen, { nearTo, then } = {}) {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const isShown = chosen === picture?.file;
    file = chosen;
    const progress = progressLine('Looking for faces…', cancel);
    fill(status, progress.element);
    if (!isShown) {
      results.hidden = true;
      input.setFilled(false);
    }
    try {
      const query = { ...decision(), gallery: state.gallery };
      const found = await patiently(() => api.ask.identify(chosen, query, { signal, onsent: progress.sent }), { signal, onwait: progress.waiting });
      const shown = isShown ? picture : await pictureFor(chosen, found, signal);
      if (shown !== picture) release(picture);
      picture = shown;
      answer = found;
      selected = nearTo ? nearest(nearTo) : 0;
      show();
      then?.();
    } catch (error) {
      if (error.name === 'AbortError') return;
      results.hidden = true;
      input.setFilled(false);
      // A picture that cannot be used stays so.
      const again = error.status === 422 ? null : h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => identify(chosen, { nearTo }) }, 'Try again'));
      fill(status, errorNotice(error, h('p', { class: 'soft' }, chosen.name), again));
      status.scrollIntoView({ block: 'nearest' });
    }
  }

  /// Back to what was shown before, or to the empty page.
  function cancel() {
    running?.abort();
    if (!results.hidden) show();
    else {
      file = null;
      fill(status);
    }
    input.focus();
  }

  function nearest(face) {
    const from = centerOf(face);
    const distances = answer.faces.map((other) => {
      const to = centerOf(other);
      return Math.hypot(to.x - from.x, to.y - from.y);
    });
    return Math.max(0, distances.indexOf(Math.min(...distances)));
  }

  function show() {
    const { faces } = answer;
    const boxes = boxesOver(h('img', { src: picture.url, alt: `${file.name || 'The picture'}, with ${words.count(faces.length, 'face')} marked` }), { onselect: select });
    boxes.fit(answer.width, answer.height);
    boxes.show(faces.map((face, index) => ({
      box: face.bounding_box_normalized,
      kind: face.identification.outcome,
      label: words.who(face.identification),
      description: `Face ${index + 1}: ${words.who(face.identification)}`,
    })));
    stage.boxes = boxes;
    fill(stage, boxes.element, picture.isRendition ? h('small', { class: 'soft' }, 'Your browser cannot show this format: this is the server’s rendition of it.') : null);

    const n = (outcome) => faces.filter((face) => face.identification.outcome === outcome).length;
    const counts = ['known', 'uncertain', 'unknown'].map((outcome) => (n(outcome) > 0 ? `${n(outcome)} ${outcome}` : null));
    if (faces.length === 0) {
      fill(status, notice('info', 'No face was found on this picture.', 'Faces that are very small, turned away or covered may be missed. Try a larger or sharper picture.'));
    } else {
      fill(status, h('p', { class: 'summary' },
        h('strong', {}, `${words.count(faces.length, 'face')}: `),
        counts.filter(Boolean).join(', '),
        h('span', { class: 'soft' }, ` · ${file.name || 'picture'}, ${answer.width} × ${answer.height} · ${amongWhom(answer)}`)));
    }
    fill(strip, faces.length > 1 ? faces.map((face, index) => h('button', {
      type: 'button',
      class: `thumb thumb-${face.identification.outcome}`,
      'aria-label': `Face ${index + 1} of ${faces.length}: ${words.who(face.identification)}`,
      onclick: () => select(index),
    }, cropOf(picture, face, 52, ''))) : []);
    results.hidden = false;
    results.classList.toggle('results-alone', faces.length === 0);
    panel.element.hidden = faces.length === 0;
    input.setFilled(true);
    if (faces.length > 0) select(selected);
  }

  function select(index) {
    selected = index;
    stage.boxes.select(index);
    [...strip.children].forEach((thumb, i) => {
      if (i === index) thumb.setAttribute('aria-current', 'true');
      else thumb.removeAttribute('aria-current');
      // One stop for the tab key; the arrow keys go on from there.
      thumb.tabIndex = i === index ? 0 : -1;
    });
    const thumb = strip.children[index];
    if (thumb) {
      if (strip.contains(document.activeElement)) thumb.focus();
      strip.scrollTo({ left: thumb.offsetLeft - strip.clientWidth / 2 + thumb.clientWidth / 2 });
    }
    panel.show({ file, picture, answer, index });
  }

  function step(by) {
    const n = answer?.faces.length ?? 0;
    if (n > 1) select((selected + by + n) % n);
  }

  function enrolled({ subject, is_new_subject: isNew }, face) {
    toast(isNew ? `${subject} is enrolled.` : `One more face of ${subject} is enrolled.`);
    identify(file, { nearTo: face, then: () => panel.focus() });
  }

  function onkeydown(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || results.hidden) return;
    if (event.target.closest?.('input, select, textarea, dialog, [role=radiogroup]')) return;
    if (event.key === 'ArrowLeft') step(-1);
    else if (event.key === 'ArrowRight') step(1);
    else return;
    event.preventDefault();
  }

  const onpaste = (event) => {
    if (input.paste(event)) event.preventDefault();
  };

  return {
    element,
    show() {
      document.addEventListener('keydown', onkeydown);
      document.addEventListener('paste', onpaste);
      if (!file) showHolding();
      if (handedOver) {
        identify(handedOver);
        handedOver = null;
      }
    },
    hide() {
      document.removeEventListener('keydown', onkeydown);
      document.removeEventListener('paste', onpaste);
    },
  };
}
