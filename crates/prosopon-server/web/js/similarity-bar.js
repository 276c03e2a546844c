// A similarity as a bar, with the threshold marked on it.

import { h } from './dom.js';
import * as words from './words.js';

// Cosine similarities below zero mean "no likeness at all" just as zero does: the bar starts at zero.
const percent = (value) => `${Math.min(Math.max(value, 0), 1) * 100}%`;

/// `uncertain` is the lower threshold, from which on it is uncertain; none if there are two answers only.
export function similarityBar(similarity, threshold, uncertain = null) {
  const passes = similarity >= threshold;
  const isUncertain = !passes && uncertain !== null && similarity >= uncertain;
  const filled = h('span', { class: 'bar-fill' });
  filled.style.width = percent(similarity);
  const mark = h('span', { class: 'bar-mark' });
  mark.style.left = percent(threshold);
  const lower = uncertain === null ? null : h('span', { class: 'bar-mark bar-mark-lower' });
  if (lower) lower.style.left = percent(uncertain);
  const relation = passes ? 'reaches' : isUncertain ? 'uncertain, below' : 'below';
  return h('span', {
    class: `similarity-bar ${passes ? 'passes' : isUncertain ? 'between' : 'fails'}`,
    role: 'img',
    'aria-label': `similarity ${words.similarity(similarity)}, ${relation} the threshold ${words.similarity(threshold)}`,
    title: `threshold ${words.similarity(threshold)}${lower ? `, uncertain from ${words.similarity(uncertain)}` : ''}`,
  }, filled, lower, mark);
}
