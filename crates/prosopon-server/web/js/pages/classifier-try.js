// A picture for a classifier: each face with the probability of every class, one face after the other.

import * as api from '../api.js';
import { boxesOver } from '../boxes.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { errorNotice, notice } from '../notices.js';
import { patiently } from '../patience.js';
import { cropOf, pictureFor, release } from '../picture.js';
import { pictureInput } from '../picture-input.js';
import { progressLine } from '../progress.js';
import * as words from '../words.js';

const percent = (share) => `${(share * 100).toFixed(share >= 0.9995 || share < 0.0005 ? 0 : 1)} %`;

export function classifierTry() {
  let asked = null;
  let file = null;
  let picture = null;
  let answer = null;
  let selected = 0;
  let running = null;

  const title = h('h2', { tabindex: '-1' });
  const status = h('div', { class: 'result-status', 'aria-live': 'polite' });
  const stage = h('div', { class: 'stage' });
  const panel = h('section', { class: 'card face-panel', 'aria-label': 'Face' });
  const results = h('div', { class: 'results', hidden: true }, h('div', { class: 'results-picture' }, stage), panel);
  const input = pictureInput({ title: 'Drop a picture here', hint: 'or paste one, choose one, or take one. It is not kept.', onpicture: predict });
  const element = h('section', { class: 'try', hidden: true }, title, input.element, status, results);
  input.acceptDrops(element);
  element.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.('input, select')) return;
    if (event.key === 'ArrowLeft') step(-1);
    else if (event.key === 'ArrowRight') step(1);
    else return;
    event.preventDefault();
  });

  async function predict(chosen) {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    const { name, version } = asked;
    const progress = progressLine('Looking at the picture …', () => { running.abort(); fill(status); });
    file = chosen;
    fill(status, progress.element);
    try {
      const query = { version };
      const found = await patiently(() => api.classifiers.predict(name, chosen, query, { signal, onsent: progress.sent }), { signal, onwait: progress.waiting });
      const shown = await pictureFor(chosen, found, signal);
      release(picture);
      picture = shown;
      answer = found;
      selected = 0;
      show();
    } catch (error) {
      if (error.name === 'AbortError') return;
      results.hidden = true;
      fill(status, errorNotice(error, h('p', { class: 'soft' }, chosen.name)));
    }
  }

  function show() {
    const { faces } = answer;
    const boxes = boxesOver(h('img', { src: picture.url, alt: `${file.name || 'The picture'}, with ${words.count(faces.length, 'face')} marked` }), { onselect: select });
    boxes.fit(answer.width, answer.height, 60);
    // A classifier of whole pictures marks nothing on them.
    boxes.show(faces.filter((face) => face.bounding_box).map((face, index) => ({
      box: face.bounding_box_normalized,
      kind: face.rejected ? 'unknown' : 'known',
      label: face.rejected ? 'rejected' : face.class,
      description: `Face ${index + 1}: ${face.class}`,
    })));
    stage.boxes = boxes;
    fill(stage, boxes.element);
    input.setFilled(true);
    results.hidden = false;
    results.classList.toggle('results-alone', faces.length === 0);
    panel.hidden = faces.length === 0;
    if (faces.length === 0) {
      fill(status, notice('info', 'No face was found that this classifier takes.', 'It looks for faces as it did in training: where two eyes were asked for, both must be seen. Try a picture from the front, larger and well lit.'));
      return;
    }
    fill(status, h('p', { class: 'summary' }, h('strong', {}, words.count(faces.length, 'face')), h('span', { class: 'soft' }, ` · answered by ${answer.classifier}, version ${answer.version} · ${file.name || 'picture'}, ${answer.width} × ${answer.height}`)));
    select(selected);
  }

  function select(index) {
    selected = index;
    const { faces } = answer;
    const face = faces[index];
    stage.boxes.select(index);
    const hadFocus = panel.contains(document.activeElement) ? document.activeElement.dataset.by : null;
    const arrow = (by, name) => h('button', { type: 'button', class: 'icon-button', 'data-by': String(by), 'aria-label': name, onclick: () => step(by) }, icon(by < 0 ? 'previous' : 'next'));
    // The chosen class first: of a support vector machine it need not be the one with the highest probability.
    const isChosen = ({ class: name }) => name === face.class;
    const sorted = [...face.probabilities].sort((a, b) => isChosen(b) - isChosen(a) || b.probability - a.probability);
    fill(panel,
      faces.length > 1 ? h('div', { class: 'stepper' }, arrow(-1, 'Previous face'), h('span', { class: 'number', role: 'status' }, `Face ${index + 1} of ${faces.length}`), arrow(1, 'Next face')) : null,
      h('div', { class: 'face-head' }, face.bounding_box ? cropOf(picture, face, 96, 'The face') : null,
        h('div', {}, h('h3', { class: `verdict verdict-${face.rejected ? 'unknown' : 'known'}` }, icon(face.rejected ? 'question' : 'check'), h('span', {}, face.class)),
          h('p', { class: 'soft' }, face.rejected ? `${percent(face.probability)}: too unsure to count` : percent(face.probability)))),
      sorted.some(({ probability }) => probability > face.probability)
        ? h('p', { class: 'soft' }, 'Decision and probabilities differ, as they may where a support vector machine learnt from few pictures.') : null,
      h('ol', { class: 'probabilities', 'aria-label': 'Probability of every class' }, sorted.map(({ class: name, probability }) => {
        const bar = h('span', { class: 'bar-fill' });
        bar.style.width = `${probability * 100}%`;
        const isFirst = name === face.class;
        return h('li', { class: isFirst ? 'accepted' : null }, h('span', { class: 'candidate-name', title: name }, name), h('span', { class: 'number' }, percent(probability)),
          h('span', { class: `similarity-bar ${isFirst && !face.rejected ? 'passes' : ''}`, 'aria-hidden': 'true' }, bar));
      })));
    if (hadFocus) panel.querySelector(`[data-by="${hadFocus}"]`)?.focus();
  }

  function step(by) {
    const n = answer?.faces.length ?? 0;
    if (n > 1 && !results.hidden) select((selected + by + n) % n);
  }

  return {
    element,
    /// Shows the place for a picture; one that is there already is asked about again.
    open(next) {
      const isOther = !asked || asked.name !== next.name || asked.version !== next.version;
      asked = next;
      element.hidden = false;
      fill(title, `Try ${next.name}, version ${next.version}`);
      if (file && isOther) predict(file);
      title.focus();
      element.scrollIntoView({ block: 'start' });
    },
    close() {
      running?.abort();
      element.hidden = true;
    },
    asked: () => (element.hidden ? null : asked),
    paste: (event) => !element.hidden && input.paste(event),
  };
}
