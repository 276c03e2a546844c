// A similarity as a bar, with the threshold marked on it.

import { h } from './dom.js';
import * as words from './words.js';

// Cosine similarities below zero mean "no likeness at all" just as zero does: the bar starts at zero.
const percent = (value) => `${Math.min(Math.max(value, 0), 1) * 100}%`;

export function similarityBar(similarity, threshold) {
  const passes = similarity >= threshold;
  const filled = h('span', { class: 'bar-fill' });
  filled.style.width = percent(similarity);
  const mark = h('span', { class: 'bar-mark' });
  mark.style.left = percent(threshold);
  return h('span', {
    class: `similarity-bar ${passes ? 'passes' : 'fails'}`,
    role: 'img',
    'aria-label': `similarity ${words.similarity(similarity)}, ${passes ? 'reaches' : 'below'} the threshold ${words.similarity(threshold)}`,
    title: `threshold ${words.similarity(threshold)}`,
  }, filled, mark);
}
