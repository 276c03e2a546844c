// Evaluate: pictures of known people go in, and out comes how often the server is wrong about them. The address names
// one that was made before (`#/evaluate/3`).

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { acceptDrops } from '../drop.js';
import { droppedFiles } from '../files.js';
import { icon } from '../icons.js';
import { folderZone, offerFolders } from '../labelled-folder.js';
import { errorNotice, notice } from '../notices.js';
import { patiently } from '../patience.js';
import { can, state } from '../state.js';
import * as words from '../words.js';
import { withPanel } from '../work-panel.js';
import { followEvaluation, sendEvaluation } from './evaluation-progress.js';
import { evaluationResult } from './evaluation-result.js';

export function evaluatePage() {
  // A key of one gallery has no business with the server as a whole.
  if (!can('admin') || state.session.gallery) {
    return {
      element: h('section', { class: 'page' }, h('h1', { tabindex: '-1' }, 'Evaluate'),
        notice('info', 'Your key does not allow this.', 'It needs the scope “admin” for all galleries.')),
    };
  }
  return page();
}

function page() {
  let isRunning = false;
  let shownId = null;

  const named = h('div', {});
  const work = h('div', {});
  const result = h('div', {});
  const earlier = h('div', {});
  const zone = folderZone({
    label: 'Pictures to evaluate',
    title: 'Drop a folder with a folder of pictures for each person',
    explanation: 'Several people, and two or more pictures of some of them. In each picture the face in the middle counts. The pictures are looked at and not kept.',
    ontake: send,
  });
  const view = h('div', { class: 'evaluate-view' }, zone, named, work, result, earlier);
  const element = h('section', { class: 'page evaluate' },
    h('div', { class: 'page-head' }, h('div', {}, h('h1', { tabindex: '-1' }, 'Evaluate'),
      h('p', { class: 'soft' }, 'How often is this server wrong about people whose names you know?'))),
    view);

  acceptDrops(element, async (transfer) => send(await droppedFiles(transfer)), view);

  function setBusy(isBusy) {
    zone.hidden = isBusy;
    named.hidden = isBusy;
    if (isBusy) fill(result);
  }

  async function send({ pictures, leftOut }) {
    if (isRunning) return;
    const items = pictures.filter(({ folder }) => folder).map(({ file, folder }) => ({ file, name: `${folder}/${file.name}` }));
    const people = new Set(items.map(({ name }) => name.split('/')[0])).size;
    if (people < 2) {
      fill(work, notice('warning', 'That is not a folder of people.',
        `Expected a folder that holds a folder of pictures for each of several people, found ${words.count(items.length, 'picture')} of ${words.count(people, 'person', 'people')}.`));
      return;
    }
    await run((panel) => sendEvaluation(items, panel), leftOut);
  }

  const evaluateFolder = (folder) => run(async (panel) => followEvaluation(await patiently(() => api.evaluations.begin(folder), { signal: panel.signal, onwait: panel.waiting }), panel));

  async function run(begin, leftOut = []) {
    isRunning = true;
    setBusy(true);
    const done = await withPanel(work, 'Evaluation', begin,
      leftOut.length > 0 ? h('p', { class: 'soft' }, `Left out, as no picture by its type: ${words.count(leftOut.length, 'file')}.`) : null);
    isRunning = false;
    setBusy(false);
    if (done) open(done.id, done);
    loadEarlier();
  }

  /// Shows an evaluation that has ended, or follows one that has not.
  async function open(id, known) {
    shownId = id;
    try {
      const evaluation = known ?? await api.evaluations.get(id);
      if (shownId !== id) return;
      if (evaluation.stage === 'done' || evaluation.stage === 'failed') {
        fill(result, evaluationResult(evaluation));
        zone.classList.add('drop-filled');
        history.replaceState(null, '', `#/evaluate/${id}`);
      } else if (!isRunning && evaluation.stage !== 'collecting') {
        run((panel) => followEvaluation(evaluation, panel));
      }
    } catch (error) {
      fill(result, errorNotice(error));
    }
  }

  async function loadEarlier() {
    let list;
    try {
      list = await api.evaluations.list();
    } catch (error) {
      fill(earlier, errorNotice(error));
      return;
    }
    showNamed(list.folders);
    const ended = list.evaluations.filter(({ stage, id }) => (stage === 'done' || stage === 'failed') && id !== shownId).reverse();
    fill(earlier, ended.length > 0 ? h('section', { class: 'card' }, h('h2', {}, 'Of the last hour'),
      h('ul', { class: 'evaluation-list' }, ended.map((evaluation) => h('li', {},
        h('span', {}, h('a', { href: `#/evaluate/${evaluation.id}` }, `Evaluation ${evaluation.id}`),
          ` · ${evaluation.folder ? `folder ${evaluation.folder}, ` : ''}${words.count(evaluation.done, 'picture')}${evaluation.stage === 'failed' ? ', without figures' : ''}`),
        h('button', { type: 'button', class: 'icon-button', 'aria-label': `Forget evaluation ${evaluation.id}`, title: 'Forget this evaluation', onclick: () => forget(evaluation.id) }, icon('bin')))))) : null);
  }

  async function forget(id) {
    try {
      await api.evaluations.remove(id);
    } catch (error) {
      if (error.status !== 404) fill(result, errorNotice(error));
    }
    loadEarlier();
  }

  function showNamed(folders) {
    offerFolders(named, folders, {
      action: 'Evaluate it',
      symbol: 'measure',
      onchoose(folder) {
        if (!isRunning) evaluateFolder(folder);
      },
    });
  }

  return {
    element,
    show([id]) {
      if (/^\d+$/.test(id ?? '') && Number(id) !== shownId) open(Number(id)).then(loadEarlier);
      else loadEarlier();
    },
  };
}
