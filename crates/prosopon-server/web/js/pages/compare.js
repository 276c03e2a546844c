// Compare: two pictures, every pair of faces, and whether they show the same person.

import * as api from '../api.js';
import { boxesOver } from '../boxes.js';
import { rateChoice } from '../choices.js';
import { fill, h } from '../dom.js';
import { icon, OUTCOME_ICONS } from '../icons.js';
import { errorNotice } from '../notices.js';
import { patiently } from '../patience.js';
import { copyOf, cropOf, pictureFor, release } from '../picture.js';
import { pictureInput } from '../picture-input.js';
import { progressLine } from '../progress.js';
import { similarityBar } from '../similarity-bar.js';
import { changes, decision, state } from '../state.js';
import { whyVerified } from '../why.js';
import * as words from '../words.js';

// How an outcome is shown, and what it is called: of all pairs, of one, and in a word.
const KINDS = { same: 'known', uncertain: 'uncertain', different: 'unknown' };
const VERDICTS = { same: 'The same person', uncertain: 'Perhaps the same person', different: 'Different people' };
const PAIR_WORDS = { same: 'the same person', uncertain: 'perhaps the same person', different: 'different people' };

const PAIRS_AT_FIRST = 12;
// In hundredths of the window, so that the answer below is seen at the same time.
const PICTURE_HEIGHT = 50;

export function comparePage() {
  const sides = [side('First picture', 0), side('Second picture', 1)];
  const outcome = h('div', { class: 'compare-outcome', 'aria-live': 'polite' });
  const element = h('section', { class: 'page compare' },
    h('div', { class: 'page-head' },
      h('h1', { tabindex: '-1' }, 'Is it the same person?'),
      h('div', { class: 'choices' }, rateChoice())),
    h('div', { class: 'compare-sides' }, sides.map((one) => one.element)),
    outcome);
  let running = null;
  changes.addEventListener('choice', () => compare());

  function side(title, index) {
    const input = pictureInput({ title, hint: index === 0 ? 'Drop, paste or choose it' : 'The one to compare it with', onpicture: take });
    const stage = h('div', { class: 'stage' });
    const sideElement = h('div', { class: 'compare-side' }, input.element, stage);
    input.acceptDrops(sideElement);
    const self = { element: sideElement, input, stage, file: null, picture: null, faces: [], crops: [], boxes: null };

    async function take(file) {
      self.file = file;
      release(self.picture);
      self.picture = null;
      const other = sides[1 - index];
      if (other.file) return compare();
      // Until there is a second picture only the first is shown.
      const url = URL.createObjectURL(file);
      self.picture = { url };
      const image = h('img', { src: url, alt: file.name });
      image.addEventListener('error', () => fill(stage, h('p', { class: 'soft placeholder' }, file.name)));
      const boxes = boxesOver(image);
      image.addEventListener('load', () => boxes.fit(image.naturalWidth, image.naturalHeight, PICTURE_HEIGHT));
      fill(stage, boxes.element);
      input.setFilled(true);
      return undefined;
    }
    return self;
  }

  async function compare() {
    const [probe, reference] = sides;
    if (!probe.file || !reference.file) return;
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const progress = progressLine('Comparing…', () => {
      running.abort();
      fill(outcome);
      sides[1].input.focus();
    });
    fill(outcome, progress.element);
    for (const one of sides) one.input.setFilled(true);
    try {
      const query = { faces: 'all', gallery: state.gallery, ...decision() };
      const answer = await patiently(() => api.ask.verify(probe.file, reference.file, query, { signal, onsent: progress.sent }), { signal, onwait: progress.waiting });
      await Promise.all([prepare(probe, answer.probe, signal), prepare(reference, answer.reference, signal)]);
      if (!signal.aborted) show(answer);
    } catch (error) {
      if (error.name === 'AbortError') return;
      for (const one of sides) one.boxes?.show([]);
      await showAlone(signal);
      fill(outcome, errorNotice(error, error.status === 422 ? null : h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: compare }, 'Try again'))));
      outcome.scrollIntoView({ block: 'nearest' });
    }
  }

  /// After an error there are no faces to mark, but the pictures are still shown.
  async function showAlone(signal) {
    for (const one of sides) {
      if (one.stage.childElementCount > 0 && one.picture) continue;
      const url = URL.createObjectURL(one.file);
      const image = h('img', { src: url, alt: one.file.name });
      try {
        await image.decode();
        if (signal.aborted) {
          URL.revokeObjectURL(url);
          return;
        }
        one.picture = { url };
        const boxes = boxesOver(image);
        boxes.fit(image.naturalWidth, image.naturalHeight, PICTURE_HEIGHT);
        fill(one.stage, boxes.element);
      } catch {
        URL.revokeObjectURL(url);
        fill(one.stage, h('p', { class: 'soft placeholder' }, one.file.name));
      }
    }
  }

  async function prepare(one, found, signal) {
    const picture = await pictureFor(one.file, found, signal);
    release(one.picture);
    one.picture = picture;
    one.faces = found.faces;
    one.crops = found.faces.map((face) => cropOf(picture, face, 84, ''));
    one.boxes = boxesOver(h('img', { src: picture.url, alt: `${one.file.name}, with ${words.count(found.faces.length, 'face')} marked` }));
    one.boxes.fit(found.width, found.height, PICTURE_HEIGHT);
    fill(one.stage, one.boxes.element);
  }

  function show(answer) {
    const [probe, reference] = sides;
    const kind = KINDS[answer.outcome];
    const n = answer.pairs.length;
    const bestOf = n > 1 ? ` It is the most similar of ${words.whole(n)} pairs.` : '';
    const rows = (from, to) => answer.pairs.slice(from, to).map((pair, index) => pairRow(answer, pair, from + index));
    const list = h('ol', { class: 'pairs' }, n > 1 ? rows(0, PAIRS_AT_FIRST) : null);
    const more = n > PAIRS_AT_FIRST ? h('button', {
      type: 'button',
      onclick() {
        list.append(...rows(PAIRS_AT_FIRST, n));
        list.children[PAIRS_AT_FIRST].querySelector('button').focus();
        more.remove();
      },
    }, `Show all ${words.whole(n)} pairs`) : null;

    fill(outcome, h('div', { class: 'card compare-card' },
      h('div', { class: 'compare-verdict' },
        copyOf(probe.crops[answer.pairs[0].probe_face], 'The face on the first picture'),
        h('div', { class: 'compare-words' },
          h('h2', { class: `verdict verdict-${kind}` }, icon(kind === 'unknown' ? 'close' : OUTCOME_ICONS[kind]),
            h('span', {}, kind === 'unknown' && n > 1 ? 'No pair is the same person' : VERDICTS[answer.outcome])),
          similarityBar(answer.similarity, answer.threshold, answer.uncertain_threshold)),
        copyOf(reference.crops[answer.pairs[0].reference_face], 'The face on the second picture')),
      h('p', { class: 'why' }, whyVerified(answer), bestOf),
      n > 1 ? h('div', {}, h('h3', {}, 'Every pair'), list, more) : null));
    showPair(answer, 0);
  }

  function pairRow(answer, pair, index) {
    const [probe, reference] = sides;
    return h('li', {}, h('button', {
      type: 'button',
      class: 'pair',
      onclick: () => showPair(answer, index),
      'aria-label': `Face ${pair.probe_face + 1} and face ${pair.reference_face + 1}: ${PAIR_WORDS[pair.outcome]}, similarity ${words.similarity(pair.similarity)}`,
    },
    copyOf(probe.crops[pair.probe_face]),
    copyOf(reference.crops[pair.reference_face]),
    similarityBar(pair.similarity, answer.threshold, answer.uncertain_threshold),
    h('span', { class: 'number' }, words.similarity(pair.similarity)),
    h('span', { class: `tag tag-${KINDS[pair.outcome]}` }, pair.outcome)));
  }

  function showPair(answer, index) {
    const pair = answer.pairs[index];
    const kind = KINDS[pair.outcome];
    const marks = (faces, chosen) => faces.map((face, i) => ({
      box: face.bounding_box_normalized, kind: i === chosen ? kind : 'plain', label: faces.length > 1 ? String(i + 1) : null,
    }));
    const [probe, reference] = sides;
    probe.boxes.show(marks(probe.faces, pair.probe_face));
    probe.boxes.select(pair.probe_face);
    reference.boxes.show(marks(reference.faces, pair.reference_face));
    reference.boxes.select(pair.reference_face);
    outcome.querySelectorAll('.pair').forEach((button, i) => button.toggleAttribute('data-chosen', i === index));
  }

  // A pasted picture goes where there is none yet, then takes the place of the second.
  const onpaste = (event) => {
    const free = sides.find((one) => !one.file) ?? sides[1];
    if (free.input.paste(event)) event.preventDefault();
  };

  return {
    element,
    show: () => document.addEventListener('paste', onpaste),
    hide: () => document.removeEventListener('paste', onpaste),
  };
}
