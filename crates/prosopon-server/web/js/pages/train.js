// Train: a folder with a folder of pictures for each class goes in, and out comes a classifier with its report. The
// address names a classifier to try (`#/train/hobbit/2`).

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { acceptDrops } from '../drop.js';
import { droppedFiles } from '../files.js';
import { folderZone, offerFolders } from '../labelled-folder.js';
import { errorNotice, notice } from '../notices.js';
import { patiently } from '../patience.js';
import { can, state } from '../state.js';
import * as words from '../words.js';
import { withPanel } from '../work-panel.js';
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
  let isRunning = false;
  let items = null;
  let named = null;
  let offer = null;

  const setup = h('div', {});
  const folders = h('div', {});
  const work = h('div', { class: 'train-work' });
  const result = h('div', { class: 'train-result' });
  const zone = folderZone({
    label: 'Pictures to learn from',
    title: 'Drop a folder with a folder of pictures for each class',
    explanation: 'People, expressions, whatever is to be told apart on faces: twenty pictures of each are a start. They are looked at and not kept.',
    ontake: take,
  });
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
    if (under && !isRunning) run((panel) => followTraining(under, panel));
  }

  async function take({ pictures, leftOut }, title) {
    if (isRunning) return;
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
    if (isRunning) return;
    if (named) run(async (panel) => followTraining(await patiently(() => api.trainings.begin({ ...wanted, folder: named }), { signal: panel.signal, onwait: panel.waiting }), panel));
    else run((panel) => sendTraining(wanted, items, panel));
  }

  async function run(begin) {
    const seen = h('div', {});
    let shown = '';
    isRunning = true;
    zone.hidden = true;
    folders.hidden = true;
    setup.hidden = true;
    fill(result);
    const done = await withPanel(work, 'Training', (panel) => begin(Object.assign(panel, {
      show(now) {
        fill(panel.heading, `Training ${now.name}`);
        // Drawn only when there is something new.
        const state_ = `${now.epochs.length} ${now.cells.length}`;
        if (state_ === shown) return;
        shown = state_;
        fill(seen, trainingCurves(now));
      },
    })), seen);
    isRunning = false;
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

  function showFolders(names) {
    offerFolders(folders, names, {
      action: 'Take it',
      symbol: 'folder',
      onchoose(folder) {
        items = null;
        named = folder;
        showForm({ title: folder === '.' ? 'classifier' : folder });
      },
    });
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
