// The two choices that answers depend on: how often a false match may happen, and who is looked among.

import { field, fill, h } from './dom.js';
import { changes, chooseGallery, chooseRate, chooseThreshold, isCalibrated, rates, state, usual } from './state.js';
import * as words from './words.js';

const NAMES = { 1e-2: 'lenient', 1e-5: 'strict', 1e-6: 'strictest' };

export function rateChoice() {
  if (!isCalibrated()) {
    const number = h('input', { type: 'number', min: '-1', max: '1', step: '0.01', value: String(state.threshold), onchange: () => number.checkValidity() && chooseThreshold(Number(number.value)) });
    return field('Threshold', number);
  }
  const select = h('select', { onchange: () => chooseRate(select.value ? Number(select.value) : null) });
  const show = () => {
    const { fmr: usualFmr = state.defaultFmr, uncertain_fmr: uncertain } = usual() ?? {};
    const between = uncertain ? `, uncertain up to ${words.rate(uncertain)}` : '';
    const asUsual = h('option', { value: '', selected: state.fmr === null }, `Usual: ${words.rate(usualFmr)}${between}`);
    fill(select, asUsual, rates().map(({ fmr, words, supported }) => {
      const notes = [NAMES[fmr], supported ? null : 'estimated'].filter(Boolean).join(', ');
      return h('option', { value: String(fmr), selected: fmr === state.fmr }, notes ? `${words} (${notes})` : words);
    }));
  };
  show();
  changes.addEventListener('choice', show);
  return field('False matches', select);
}

/// Hidden unless there is more than one gallery to choose from.
export function galleryChoice() {
  const select = h('select', { onchange: () => chooseGallery(select.value) });
  const element = field('Gallery', select);
  const show = () => {
    element.hidden = state.galleries.length < 2 || Boolean(state.session.gallery);
    fill(select, state.galleries.map(({ name }) => h('option', { value: name, selected: name === state.gallery }, name)));
  };
  show();
  changes.addEventListener('choice', show);
  return element;
}
