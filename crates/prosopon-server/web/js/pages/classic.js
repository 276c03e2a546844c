// Classic: one picture as methods from before networks see it: boxes of faces and eyes, and views side by side.

import * as api from '../api.js';
import { boxesOver } from '../boxes.js';
import { field, fill, h, newId } from '../dom.js';
import { errorNotice, notice } from '../notices.js';
import { patiently } from '../patience.js';
import { pictureFor, release } from '../picture.js';
import { pictureInput } from '../picture-input.js';
import { progressLine } from '../progress.js';
import * as words from '../words.js';

// Views that are drawn at first; those that this server does not have are passed over.
const AT_FIRST = ['lbp', 'wavelet', 'gradient_x', 'gradient_y', 'magnitude', 'orientation', 'hog'];
// Longer side of the views in pixels: enough for two columns of a large screen.
const VIEW_SIDE = 1024;
// In hundredths of the window, so that the first views are seen below the picture.
const PICTURE_HEIGHT = 55;

export function classicPage() {
  let offer = null;
  let file = null;
  let picture = null;
  let running = null;
  let looking = null;
  const chosen = new Set();
  const drawn = new Map();

  const detector = h('select', { onchange: () => { showChoices(); find(); } });
  const windows = h('input', { type: 'number', min: '0', max: '100', step: '1', value: '5', onchange: () => windows.checkValidity() && find() });
  const windowsField = field('Least windows', windows);
  windowsField.classList.add('field-narrow');
  const eyes = h('input', { type: 'checkbox', onchange: () => find(), id: newId('eyes') });
  const eyesCheck = h('div', { class: 'check' }, eyes, h('label', { for: eyes.id }, 'Eyes'));
  const missing = h('div', {});
  const status = h('div', { class: 'result-status', 'aria-live': 'polite' });
  const stage = h('div', { class: 'stage' });
  const picker = h('fieldset', { class: 'view-picker', hidden: true });
  const grid = h('div', { class: 'view-grid' });
  const input = pictureInput({
    title: 'Drop a picture here',
    hint: 'or paste one, choose one, or take one. It goes to this server only, and is not kept.',
    onpicture: take,
    more: 'Haar cascades, local binary patterns, wavelets and gradients need no network: this is how faces were found before there were any.',
  });
  const choices = h('div', { class: 'choices' }, field('Faces by', detector), windowsField, eyesCheck);
  const element = h('section', { class: 'page classic' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'How do classic methods see it?'), choices),
    missing, input.element, status, stage, picker, grid);
  input.acceptDrops(element);

  /// How many windows on each other make a face is a question for a cascade only.
  const showChoices = () => { windowsField.hidden = detector.value !== 'haar'; };

  /// What this server can do, asked for once.
  async function loadOffer() {
    if (offer) return true;
    try {
      offer = await patiently(() => api.classic.list());
    } catch (error) {
      fill(status, errorNotice(error, h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: async () => { fill(status); if (await loadOffer() && file) take(file); } }, 'Try again'))));
      return false;
    }
    fill(detector, offer.detectors.map(({ name, title, installed }) => h('option', { value: name, disabled: !installed }, installed ? title : `${title} (not installed)`)));
    // Here the cascade comes first, where there is one.
    const best = offer.detectors.find(({ name, installed }) => installed && name !== 'network') ?? offer.detectors[0];
    detector.value = best.name;
    showChoices();
    eyes.checked = offer.eyes;
    eyes.disabled = !offer.eyes;
    const absent = offer.detectors.find(({ installed }) => !installed);
    fill(missing, absent && notice('info', `${absent.title}s are not installed on this server.`,
      h('p', {}, 'Run ', h('code', {}, absent.install), ' there and start the server again. All else works without them.')));
    for (const { name } of offer.views) if (AT_FIRST.includes(name)) chosen.add(name);
    fill(picker, h('legend', {}, 'Views'), offer.views.map(({ name, title }) => {
      const box = h('input', { type: 'checkbox', id: newId('view'), checked: chosen.has(name), onchange: () => { choose(name, box.checked); } });
      return h('div', { class: 'check' }, box, h('label', { for: box.id }, title));
    }));
    return true;
  }

  async function take(next) {
    if (!await loadOffer()) {
      file = next;
      return;
    }
    running?.abort();
    running = new AbortController();
    file = next;
    drawn.clear();
    fill(grid);
    picker.hidden = true;
    input.setFilled(true);
    await find();
  }

  /// Finds faces, and eyes in them, with what is chosen.
  async function find() {
    if (!file) return;
    looking?.abort();
    looking = new AbortController();
    const { signal } = looking;
    const before = file;
    const progress = progressLine('Looking for faces…', cancel);
    fill(status, progress.element);
    try {
      const query = { detector: detector.value, eyes: eyes.checked ? 'true' : null, min_neighbors: detector.value === 'haar' ? windows.value : null };
      const answer = await patiently(() => api.classic.faces(file, query, { signal, onsent: progress.sent }), { signal, onwait: progress.waiting });
      const shown = picture?.file === before ? picture : await pictureFor(before, answer, signal);
      if (shown !== picture) release(picture);
      picture = shown;
      show(answer);
    } catch (error) {
      if (error.name === 'AbortError') return;
      fill(stage);
      release(picture);
      picture = null;
      input.setFilled(false);
      const again = error.status === 422 ? null : h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => take(before) }, 'Try again'));
      fill(status, errorNotice(error, h('p', { class: 'soft' }, before.name), again));
    }
  }

  function cancel() {
    looking?.abort();
    running?.abort();
    fill(status);
    if (!picture) {
      file = null;
      input.setFilled(false);
    }
    input.focus();
  }

  function show(answer) {
    const { faces } = answer;
    const pairs = faces.flatMap((face) => face.eyes ?? []);
    const alt = `${file.name || 'The picture'}, with ${words.count(faces.length, 'face')}${eyes.checked ? ` and ${words.count(pairs.length, 'eye')}` : ''} marked`;
    const boxes = boxesOver(h('img', { src: picture.url, alt }));
    boxes.fit(answer.width, answer.height, PICTURE_HEIGHT);
    boxes.show([
      ...faces.map((face, index) => ({ box: face.bounding_box_normalized, kind: 'known', label: labelOf(face, index, faces.length) })),
      ...pairs.map((eye) => ({ box: eye.bounding_box_normalized, kind: 'uncertain', label: null })),
    ]);
    fill(stage, boxes.element, picture.isRendition ? h('small', { class: 'soft' }, 'Your browser cannot show this format: this is the server’s rendition of it.') : null);
    if (picker.hidden) {
      picker.hidden = false;
      draw();
    }
    const by = detector.selectedOptions[0]?.textContent ?? '';
    if (faces.length === 0) {
      fill(status, notice('info', 'No face was found.', `${by}: faces that are turned, tilted or partly covered are often missed. The views below need none.`));
      return;
    }
    const found = `${words.count(faces.length, 'face')}${eyes.checked ? `, ${words.count(pairs.length, 'eye')}` : ''}`;
    fill(status, h('p', { class: 'summary' }, h('strong', {}, found), h('span', { class: 'soft' }, ` · ${by} · ${file.name || 'picture'}, ${answer.width} × ${answer.height}`)));
  }

  /// The more windows of a cascade lie on each other, the surer is the face.
  function labelOf(face, index, n) {
    if (face.neighbors !== null) return words.count(face.neighbors, 'window');
    return n > 1 ? String(index + 1) : null;
  }

  function choose(name, isChosen) {
    if (isChosen) chosen.add(name);
    else chosen.delete(name);
    draw();
  }

  /// Shows the chosen views in their order; those that are not there yet are drawn one after the other.
  async function draw() {
    if (!file || !picture) return;
    const { signal } = running;
    const wanted = offer.views.filter(({ name }) => chosen.has(name));
    for (const view of wanted) if (!drawn.has(view.name)) drawn.set(view.name, figure(view));
    fill(grid, wanted.map(({ name }) => drawn.get(name).element));
    for (const { name } of wanted) await drawn.get(name).load(signal);
  }

  /// A view that draws itself once.
  function figure({ name, title, about }) {
    const place = h('div', { class: 'view-place' });
    place.style.aspectRatio = `${picture.width} / ${picture.height}`;
    const self = h('figure', { class: 'card view' }, place, h('figcaption', {}, h('strong', {}, title), h('span', { class: 'soft' }, about)));
    const of = file;
    let state = 'new';
    async function load(signal) {
      if (state !== 'new' || signal.aborted || !chosen.has(name)) return;
      state = 'busy';
      fill(place, h('progress', { 'aria-label': `Drawing: ${title}` }));
      try {
        const blob = await patiently(async () => api.classic.view(await smaller(of, signal), { view: name, max_side: VIEW_SIDE }, signal), { signal });
        const url = URL.createObjectURL(blob);
        const image = h('img', { src: url, alt: `${title} of ${of.name || 'the picture'}` });
        image.addEventListener('load', () => URL.revokeObjectURL(url));
        fill(place, image);
        state = 'done';
      } catch (error) {
        state = 'new';
        if (error.name === 'AbortError') return;
        fill(place, errorNotice(error, h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => load(running.signal) }, 'Try again'))));
      }
    }
    return { element: self, load };
  }

  /// The picture in the size in which views are drawn, without loss: a photograph is not sent again and again.
  async function smaller(of) {
    if (picture?.small) return picture.small;
    const scale = VIEW_SIDE / Math.max(picture.width, picture.height);
    const shown = picture;
    if (scale >= 1 || shown.isRendition) return of;
    const canvas = h('canvas');
    canvas.width = Math.max(1, Math.round(shown.width * scale));
    canvas.height = Math.max(1, Math.round(shown.height * scale));
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(shown.image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
    shown.small = blob ?? of;
    return shown.small;
  }

  const onpaste = (event) => {
    if (input.paste(event)) event.preventDefault();
  };

  return {
    element,
    show() {
      document.addEventListener('paste', onpaste);
      loadOffer();
    },
    hide() {
      document.removeEventListener('paste', onpaste);
    },
  };
}
