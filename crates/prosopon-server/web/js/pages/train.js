// Train: a folder with a folder of pictures for each class goes in, and out comes a classifier with its report. The
// address names a classifier to try (`#/train/hobbit/2`).

import * as api from '../api.js';
import { field, fill, h } from '../dom.js';
import { acceptDrops } from '../drop.js';
import { chosenFiles, droppedFiles } from '../files.js';
import { icon } from '../icons.js';
import { errorNotice, notice } from '../notices.js';
import { patiently } from '../patience.js';
import { can, state } from '../state.js';
import * as words from '../words.js';
import { classifierList } from './classifier-list.js';
import { classifierTry } from './classifier-try.js';
import { trainForm } from './train-form.js';
import { trainingCurves } from './training-curves.js';
import { followTraining, sendTraining } from './training-progress.js';

export function trainPage() {
  // A key of one gallery has no business with classifiers, which know people of their own.
  if (state.session.gallery) {
    return {
      element: h('section', { class: 'page' }, h('h1', { tabindex: '-1' }, 'Train'),
        notice('info', 'Your key does not allow this.', 'It needs to be a key for all galleries.')),
    };
  }
  return page();
}

function page() {
  let running = null;
  let items = null;
  let named = null;
  let offer = null;

  const input = h('input', { type: 'file', webkitdirectory: true, class: 'visually-hidden', tabindex: '-1', 'aria-hidden': 'true' });
  input.addEventListener('change', () => {
    const title = input.files[0]?.webkitRelativePath.split('/')[0] ?? '';
    const chosen = chosenFiles(input.files);
    input.value = '';
    take(chosen, title);
  });
  const setup = h('div', {});
  const folders = h('div', {});
  const work = h('div', { class: 'train-work' });
  const result = h('div', { class: 'train-result' });
  const zone = h('div', { class: 'drop-zone', role: 'group', 'aria-label': 'Pictures to learn from' },
    h('div', { class: 'drop-words' }, icon('folder'),
      h('p', { class: 'drop-title' }, 'Drop a folder with a folder of pictures for each class'),
      h('p', { class: 'soft' }, 'People, expressions, whatever is to be told apart on faces: twenty pictures of each are a start. They are looked at and not kept.')),
    h('div', { class: 'buttons' },
      h('button', { type: 'button', class: 'primary choose', onclick: () => input.click() }, icon('folder'), 'Choose a folder')),
    input);
  const tried = classifierTry();
  const list = classifierList({ ontry: tryOut, onreport: showReport, onchange: () => {} });
  const training = can('admin') ? h('div', { class: 'train-view' }, zone, folders, setup, work, result) : null;
  const nothing = h('div', {});
  const element = h('section', { class: 'page train' },
    h('div', { class: 'page-head' }, h('div', {}, h('h1', { tabindex: '-1' }, 'Train'),
      h('p', { class: 'soft' }, 'Let this server learn to tell classes apart, and see how far to trust it.'))),
    training, nothing, tried.element, list.element);
  if (training) acceptDrops(zone, async (transfer) => {
    const title = transfer.items[0]?.webkitGetAsEntry?.()?.name ?? '';
    take(await droppedFiles(transfer), title);
  }, training);

  async function loadOffer() {
    if (offer || !can('admin')) return;
    offer = await patiently(() => api.trainings.list());
    showFolders(offer.folders);
    const under = offer.trainings.find(({ stage }) => stage === 'training' || stage === 'reading');
    if (under && !running) run((panel) => followTraining(under, panel));
  }

  async function take({ pictures, leftOut }, title) {
    if (running) return;
    fill(work);
    fill(result);
    const inClasses = pictures.filter(({ folder }) => folder);
    const classes = new Map();
    for (const { folder } of inClasses) classes.set(folder, (classes.get(folder) ?? 0) + 1);
    if (classes.size < 2) {
      fill(work, notice('warning', 'That is not a folder of classes.',
        `Expected a folder that holds a folder of pictures for each of several classes, found ${words.count(inClasses.length, 'picture')} of ${words.count(classes.size, 'class', 'classes')}.`));
      return;
    }
    items = inClasses.map(({ file, folder }) => ({ file, name: `${folder}/${file.name}` }));
    named = null;
    showForm({ title: classes.has(title) ? 'classifier' : title, classes, leftOut: leftOut.length + pictures.length - inClasses.length });
  }

  async function showForm(what) {
    try {
      await loadOffer();
    } catch (error) {
      fill(work, errorNotice(error));
      return;
    }
    const form = trainForm({ choices: offer.choices, onstart: start, onanother: another });
    form.show(what);
    fill(setup, form.element);
    zone.hidden = true;
    folders.hidden = true;
    form.focus();
  }

  function another() {
    fill(setup);
    fill(work);
    items = null;
    named = null;
    zone.hidden = false;
    folders.hidden = false;
    zone.querySelector('.choose').focus();
  }

  function start(wanted) {
    if (running) return;
    if (named) run(async (panel) => followTraining(await patiently(() => api.trainings.begin({ ...wanted, folder: named }), { signal: panel.signal, onwait: panel.waiting }), panel));
    else run((panel) => sendTraining(wanted, items, panel));
  }

  async function run(begin) {
    const controller = new AbortController();
    const text = h('p', { class: 'number', role: 'status' }, 'Beginning …');
    const meter = h('progress', { 'aria-label': 'Training' });
    const seen = h('div', {});
    const heading = h('h2', {}, 'Training');
    let shown = '';
    const panel = {
      signal: controller.signal,
      say(words_, done, total) {
        fill(text, words_);
        if (total) {
          meter.max = total;
          meter.value = done;
        } else {
          meter.removeAttribute('value');
        }
      },
      show(now) {
        fill(heading, `Training ${now.name}`);
        // Drawn only when there is something new.
        const state_ = `${now.epochs.length} ${now.cells.length}`;
        if (state_ === shown) return;
        shown = state_;
        fill(seen, trainingCurves(now));
      },
      waiting: (secs, error) => fill(text, `${words.sentence(error.message)} Trying again in ${words.count(secs, 'second')}.`),
    };
    running = controller;
    zone.hidden = true;
    folders.hidden = true;
    setup.hidden = true;
    fill(result);
    fill(work, h('section', { class: 'card upload', 'aria-label': 'Training' },
      h('div', { class: 'upload-head' }, heading, h('button', { type: 'button', onclick: () => controller.abort() }, 'Cancel')),
      meter, text, seen));
    let done = null;
    try {
      done = await begin(panel);
      fill(work);
    } catch (error) {
      fill(work, error.name === 'AbortError' ? notice('info', 'Cancelled.') : errorNotice(error));
    }
    running = null;
    setup.hidden = false;
    const isFormShown = setup.childElementCount > 0;
    zone.hidden = isFormShown;
    folders.hidden = isFormShown;
    if (done) showResult(done);
    list.load();
  }

  function showResult(done) {
    const { name, error, result: trained } = done;
    if (done.stage === 'failed') {
      fill(result, notice('error', words.sentence(error.message), error.hint ?? undefined), unusable(done));
      return;
    }
    another();
    const { version, card } = trained;
    const metrics = card.metrics;
    const percent = (share) => `${(share * 100).toFixed(1)} %`;
    const tile = (title, value, note) => h('div', { class: 'card figure-tile' }, h('dt', {}, title), h('dd', { class: 'figure-value number' }, value), note ? h('small', {}, note) : null);
    fill(result,
      notice('good', `${name}, version ${version}, is there.`, version === 1 ? 'It is stable: it answers from here on.' : 'It is the candidate: promote it below to let it answer.'),
      h('dl', { class: 'figures' },
        metrics ? tile('Right answers', percent(metrics.accuracy), `on ${words.count(card.n_held_out, 'picture')} that it did not learn from; 95 %: ${percent(metrics.accuracy_interval[0])} to ${percent(metrics.accuracy_interval[1])}`) : null,
        metrics?.cross_validation ? tile('In cross-validation', percent(metrics.cross_validation), 'mean of the folds') : null,
        metrics ? tile('F1, mean of classes', percent(metrics.macro_f1)) : null,
        tile('Learnt from', words.whole(card.n_training), `pictures of ${words.count(card.classes.length, 'class', 'classes')}, by ${card.learner}`)),
      trainingCurves(done), unusable(done));
    showReport({ name, version }, { keep: true });
  }

  function showReport({ name, version }, { keep = false } = {}) {
    const address = api.classifiers.reportAddress(name, version);
    if (!keep) fill(result);
    const head = h('div', { class: 'report-head' }, h('h2', { tabindex: '-1' }, `Report of ${name}, version ${version}`),
      h('p', {}, h('a', { href: address, target: '_blank', rel: 'noopener' }, 'Open it on its own'), ' · ',
        h('a', { href: address, download: `${name}-${version}.html` }, 'Save it'), ' · ',
        h('button', { type: 'button', class: 'small', onclick: () => { fill(result); } }, 'Close it')));
    // No script, no origin: the report can show itself and nothing else.
    result.append(head, h('iframe', { class: 'report-frame', title: 'Report', sandbox: '', src: address }));
    if (!keep) {
      head.querySelector('h2').focus();
      result.scrollIntoView({ block: 'start' });
    }
  }

  function tryOut({ name, version }) {
    history.replaceState(null, '', `#/train/${encodeURIComponent(name)}/${version}`);
    tried.open({ name, version });
  }

  /// The server's own folders, where it offers some.
  function showFolders(names) {
    if (!names || folders.childElementCount > 0) return;
    const choice = h('select', {}, names.map((name) => h('option', { value: name }, name === '.' ? 'all of them (.)' : name)));
    if (names.length > 1) choice.value = names[1];
    fill(folders, h('form', {
      class: 'card evaluate-named',
      onsubmit(event) {
        event.preventDefault();
        items = null;
        named = choice.value;
        showForm({ title: named === '.' ? 'classifier' : named });
      },
    }, field('Or a folder on the server', choice), h('button', { type: 'submit' }, icon('folder'), 'Take it')));
  }

  const onpaste = (event) => {
    if (tried.paste(event)) event.preventDefault();
  };

  return {
    element,
    async show([name, version]) {
      document.addEventListener('paste', onpaste);
      loadOffer().catch((error) => fill(work, errorNotice(error)));
      await list.load();
      if (!can('admin') && list.all().length === 0) fill(nothing, notice('info', 'There is no classifier yet.', 'Whoever has a key with the scope “admin” can train one here.'));
      const asked = tried.asked();
      const known = list.all().find((one) => one.name === name);
      const number = Number(version ?? known?.stable);
      if (known?.versions.some((one) => one.version === number) && !(asked?.name === name && asked?.version === number)) tried.open({ name, version: number });
    },
    hide() {
      document.removeEventListener('paste', onpaste);
    },
  };
}

function unusable({ n_unusable: n, unusable: some }) {
  if (!n) return null;
  return h('details', { class: 'card' }, h('summary', {}, `${words.count(n, 'picture')} could not be used`),
    h('ul', { class: 'unusable' }, some.map(({ name, message }) => h('li', {}, h('span', { class: 'upload-file' }, name), h('span', {}, message)))));
}
