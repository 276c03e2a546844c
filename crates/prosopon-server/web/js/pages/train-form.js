// What is to be trained: the classes that were found, what is seen of a face, what learns.

import { field, fill, h, newId } from '../dom.js';
import { icon } from '../icons.js';
import * as words from '../words.js';

const FEATURES = {
  embedding: 'Embedding (best)',
  pixels: 'Pixels',
  gray: 'Grey pixels',
  wavelet: 'Pixels and wavelets',
  haralick: 'Haralick textures',
  'haralick-directions': 'Haralick textures, by direction',
  lbp: 'Local binary patterns',
  hog: 'Oriented gradients',
};

/// A name that the server takes, made of any text.
const nameOf = (text) => text.trim().replace(/[\s/\\@:*?"<>|%#&+,;=()[\]{}'`~!$^]+/g, '-').replace(/^[.-]+|[.-]+$/g, '').slice(0, 60);

function check(text, help) {
  const box = h('input', { type: 'checkbox', id: newId('check') });
  return { box, element: h('div', { class: 'check', title: help }, box, h('label', { for: box.id }, text)) };
}

/// `onstart` is given what the API takes; `choices` is what the server offers.
export function trainForm({ choices, onstart, onanother }) {
  const name = h('input', { required: true, maxlength: '60', autocomplete: 'off', spellcheck: 'false' });
  const feature = h('select', {}, choices.features.map((value) => h('option', { value }, FEATURES[value] ?? value)));
  const learner = h('select', { onchange: showChoices }, choices.learners.map(({ value, title }) => h('option', { value }, title)));
  const epochs = h('input', { type: 'number', min: '1', max: '1000', step: '1', value: '50', required: true });
  const featureField = field('What is seen of a face', feature);
  const epochsField = field('Epochs at most', epochs);
  const asIs = check('Each picture is a face', 'Pictures that were cropped already: no face is searched in them.');
  const twoEyes = check('Two eyes must be seen', choices.two_eyes ? 'Faces in which a cascade finds fewer than two eyes are left out.' : 'The cascade for eyes is not installed on this server.');
  twoEyes.box.disabled = !choices.two_eyes;
  const augment = check('Change pictures a little', 'Turned, mirrored, cut, lighter or darker: anew in each epoch.');
  const facts = h('div', { class: 'train-classes' });
  const element = h('form', {
    class: 'card train-form',
    'aria-label': 'What to train',
    onsubmit(event) {
      event.preventDefault();
      onstart(wanted());
    },
  }, facts,
  h('div', { class: 'train-fields' }, field('Name', name, 'A name that is there already gets a new version.'), field('What learns', learner), featureField, epochsField),
  h('div', { class: 'train-checks' }, asIs.element, twoEyes.element, augment.element),
  h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, icon('play'), 'Train'),
    h('button', { type: 'button', onclick: onanother }, 'Another folder')));

  const isNetwork = () => learner.value.startsWith('network:');

  function showChoices() {
    featureField.hidden = isNetwork();
    epochsField.hidden = !isNetwork();
    augment.element.hidden = !isNetwork();
  }
  showChoices();

  function wanted() {
    const all = { name: nameOf(name.value), learner: learner.value || undefined };
    if (isNetwork()) Object.assign(all, { epochs: Number(epochs.value), augment: augment.box.checked });
    else all.feature = feature.value;
    if (asIs.box.checked) all.as_is = true;
    if (twoEyes.box.checked) all.two_eyes = true;
    return all;
  }

  return {
    element,
    /// `classes`: a map of names to numbers of pictures; none for a folder of the server.
    show({ title, classes, leftOut = 0 }) {
      name.value = nameOf(title);
      if (!classes) {
        fill(facts, h('h2', {}, `Folder ${title}`), h('p', { class: 'soft' }, 'Its classes are seen once it is read.'));
        return;
      }
      const counts = [...classes].sort((a, b) => b[1] - a[1]);
      const most = counts[0]?.[1] ?? 1;
      const n = counts.reduce((sum, [, count]) => sum + count, 0);
      fill(facts, h('h2', {}, `${words.count(counts.length, 'class', 'classes')}, ${words.count(n, 'picture')}`),
        h('ul', { class: 'class-list' }, counts.map(([title_, count]) => {
          const bar = h('span', { class: 'bar-fill' });
          bar.style.width = `${(count / most) * 100}%`;
          return h('li', {}, h('span', { class: 'class-name', title: title_ }, title_), h('span', { class: 'similarity-bar', 'aria-hidden': 'true' }, bar), h('span', { class: 'number' }, words.whole(count)));
        })),
        leftOut > 0 ? h('p', { class: 'soft' }, `Left out, as no picture by its type or outside of the classes: ${words.count(leftOut, 'file')}.`) : null);
    },
    focus: () => name.focus(),
  };
}
