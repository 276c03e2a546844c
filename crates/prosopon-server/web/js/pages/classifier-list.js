// The classifiers of this server: versions, which of them is used, and what can be done with them.

import * as api from '../api.js';
import { confirmed } from '../dialog.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { errorNotice, toast } from '../notices.js';
import { can } from '../state.js';
import * as words from '../words.js';

const share = (value) => (value === null || value === undefined ? '–' : `${(value * 100).toFixed(1)} %`);

function accuracy(card) {
  const metrics = card?.metrics;
  if (!metrics) return '–';
  const [low, high] = metrics.accuracy_interval;
  return h('span', { title: `95 %: ${share(low)} to ${share(high)}` }, share(metrics.accuracy));
}

/// What a classifier sees, in a few words.
function sees(card) {
  const values = card.input.values;
  if (values.features) return values.features.names;
  if (values.levels) return `${values.levels.width} × ${values.levels.height} pixels`;
  return 'numbers';
}

/// `ontry({name, version})` shows where a picture can be tried, `onreport` the report; `onchange` is called after each change.
export function classifierList({ ontry, onreport, onchange }) {
  const list = h('div', { class: 'classifier-cards' });
  const trouble = h('div', {});
  const element = h('section', { class: 'classifiers', hidden: true }, h('h2', {}, 'Classifiers'), trouble, list);
  let shown = [];

  async function change(request, done) {
    fill(trouble);
    try {
      await request();
      toast(done);
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
    await load();
    onchange?.();
  }

  const promote = ({ name }, version) => change(() => api.classifiers.promote(name, version), `Version ${version} of ${name} answers from here on.`);
  const rollBack = ({ name }) => change(() => api.classifiers.rollBack(name), `${name} is rolled back.`);

  async function remove({ name }, version) {
    const what = version ? `version ${version} of ${name}` : `${name} with all its versions`;
    if (!await confirmed(`Delete ${what}?`, 'It cannot be brought back.', 'Delete')) return;
    await change(() => api.classifiers.remove(name, { version }), `${words.sentence(what).replace(/\.$/, '')} is gone.`);
  }

  function row(classifier, { version, added_millis: added, card, problem, has_report: hasReport }) {
    const isStable = version === classifier.stable;
    const label = isStable ? h('span', { class: 'tag tag-known' }, 'stable') : version === classifier.candidate ? h('span', { class: 'tag tag-uncertain' }, 'candidate') : null;
    const about = `version ${version} of ${classifier.name}`;
    return h('tr', {},
      h('td', { class: 'number', 'data-name': 'Version ' }, version, ' ', label),
      h('td', {}, words.moment(added)),
      h('td', {}, card ? h('span', { title: card.learner }, `${sees(card)}, ${card.learner}`) : h('span', { class: 'soft' }, words.sentence(problem ?? ''))),
      h('td', { class: 'right number', 'data-name': 'Right answers ' }, accuracy(card)),
      h('td', { class: 'right' }, h('div', { class: 'buttons buttons-end' },
        card ? h('button', { type: 'button', class: 'small', 'aria-label': `Try ${about}`, onclick: () => ontry({ name: classifier.name, version }) }, 'Try') : null,
        hasReport && can('admin') ? h('button', { type: 'button', class: 'small', 'aria-label': `Report of ${about}`, onclick: () => onreport({ name: classifier.name, version }) }, 'Report') : null,
        can('admin') && !isStable && card ? h('button', { type: 'button', class: 'small', 'aria-label': `Promote ${about}`, onclick: () => promote(classifier, version) }, 'Promote') : null,
        can('admin') && !isStable ? h('button', { type: 'button', class: 'icon-button', 'aria-label': `Delete ${about}`, title: 'Delete this version', onclick: () => remove(classifier, version) }, icon('bin')) : null)));
  }

  function card(classifier) {
    const { name, versions, history, problem } = classifier;
    const classes = versions.find(({ version }) => version === classifier.stable)?.card?.classes ?? [];
    const canRollBack = can('admin') && history.some(({ action }) => action === 'promote');
    return h('article', { class: 'card classifier-card', 'aria-label': name },
      h('div', { class: 'card-head' },
        h('div', { class: 'classifier-words' }, h('h3', {}, name),
          h('p', { class: 'soft' }, problem ? words.sentence(problem) : `${words.count(classes.length, 'class', 'classes')}: ${classes.slice(0, 8).join(', ')}${classes.length > 8 ? ' …' : ''}`),
          classifier.answers_classify_image ? h('p', { class: 'soft' }, 'It answers ', h('code', {}, '/classify_image'), '.') : null),
        can('admin') ? h('div', { class: 'buttons' },
          canRollBack ? h('button', { type: 'button', class: 'small', onclick: () => rollBack(classifier) }, 'Roll back') : null,
          h('button', { type: 'button', class: 'icon-button', 'aria-label': `Delete ${name}`, title: 'Delete this classifier', onclick: () => remove(classifier) }, icon('bin'))) : null),
      h('div', { class: 'table-scroll' }, h('table', {},
        h('thead', {}, h('tr', {}, h('th', {}, 'Version'), h('th', {}, 'Trained'), h('th', {}, 'How'), h('th', { class: 'right' }, 'Right answers'), h('th', {}, h('span', { class: 'visually-hidden' }, 'Actions')))),
        h('tbody', {}, [...versions].reverse().map((version) => row(classifier, version))))));
  }

  async function load() {
    try {
      ({ classifiers: shown } = await api.classifiers.list());
    } catch (error) {
      fill(trouble, errorNotice(error));
      element.hidden = false;
      return;
    }
    element.hidden = shown.length === 0;
    fill(list, shown.map(card));
  }

  return { element, load, all: () => shown };
}
