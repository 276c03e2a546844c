// What came of an evaluation: the figures that people ask for first, and the whole report in a frame of its own.

import * as api from '../api.js';
import { h } from '../dom.js';
import { notice } from '../notices.js';
import * as words from '../words.js';

const percent = (share) => (share === null || share === undefined ? '–' : `${(share * 100).toFixed(share < 0.001 && share > 0 ? 3 : share < 0.1 ? 2 : 1)} %`);

const interval = ({ interval: [low, high] }) => `95 %: ${percent(low)} to ${percent(high)}`;

/// An evaluation that has ended.
export function evaluationResult(evaluation) {
  const { id, stage, error, result } = evaluation;
  if (stage === 'failed') {
    return h('div', { class: 'evaluate-view' }, notice('error', `${words.sentence(error.message)}`, error.hint ?? undefined), unusable(evaluation));
  }
  return h('div', { class: 'evaluate-view' },
    h('dl', { class: 'figures' }, tiles(result).map(({ name, value, note, more }) => h('div', { class: 'card figure-tile' },
      h('dt', {}, name), h('dd', { class: 'figure-value number' }, value), note ? h('small', {}, note) : null, more ? h('small', {}, more) : null))),
    unusable(evaluation),
    h('div', { class: 'report-head' }, h('h2', {}, 'Report'),
      h('p', {}, h('a', { href: api.evaluations.reportAddress(id), target: '_blank', rel: 'noopener' }, 'Open it on its own'), ' · ',
        h('a', { href: api.evaluations.reportAddress(id), download: `evaluation-${id}.html` }, 'Save it'), ' · ',
        h('a', { href: api.evaluations.address(id), download: `evaluation-${id}.json` }, 'Figures as JSON'))),
    // No script, no origin: the report can show itself and nothing else.
    h('iframe', { class: 'report-frame', title: 'Report', sandbox: '', src: api.evaluations.reportAddress(id) }));
}

function tiles(result) {
  const { operating, identification } = result;
  const wanted = result.fnmr_at_fmr.filter(({ supported }) => supported).at(-1) ?? result.fnmr_at_fmr[0];
  const own = operating && result.at_threshold.find(({ threshold }) => Math.abs(threshold - operating.threshold) < 1e-6);
  const [first] = identification.ranks;
  const open = identification.fnir_at_fpir.filter(({ supported }) => supported).at(-1) ?? identification.fnir_at_fpir[0];
  return [
    { name: 'Both errors are equal at', value: percent(result.eer), note: 'equal error rate, one to one' },
    wanted && { name: 'One person taken for two', value: percent(wanted.fnmr.rate), note: `FNMR where two people are taken for one ${words.rate(wanted.fmr)}`, more: interval(wanted.fnmr) },
    own && { name: 'At this server’s threshold', value: percent(own.fnmr.rate), note: `FNMR at similarity ${words.similarity(own.threshold)}; FMR ${percent(own.fmr.rate)}, announced ${percent(operating.fmr)}` },
    first && { name: 'Found first among all', value: percent(first.identified.rate), note: `rank ${first.rank}, ${words.count(identification.gallery_identities, 'person', 'people')}`, more: interval(first.identified) },
    open && { name: 'Not found among all', value: percent(open.fnir.rate), note: `FNIR where strangers are taken for somebody ${words.rate(open.fpir)}`, more: interval(open.fnir) },
    { name: 'Measured on', value: words.whole(result.people), note: `people: ${words.whole(result.genuine)} genuine and ${words.whole(result.impostor)} impostor comparisons`, more: result.undetected > 0 ? `${words.count(result.undetected, 'picture')} without a face count as errors` : null },
  ].filter(Boolean);
}

function unusable({ n_unusable: n, unusable: some }) {
  if (n === 0) return null;
  return h('details', { class: 'card' }, h('summary', {}, `${words.count(n, 'picture')} could not be used`),
    h('ul', { class: 'unusable' }, some.map(({ name, message }) => h('li', {}, h('span', { class: 'upload-file' }, name), h('span', {}, message)))));
}
