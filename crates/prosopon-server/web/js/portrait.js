// The stored crop of a face, or the person's initials where there is none.

import { faces } from './api.js';
import { h } from './dom.js';

function initials(name) {
  const parts = name.split(/[\s_.-]+/).filter(Boolean);
  return parts.slice(0, 2).map((part) => [...part][0].toUpperCase()).join('') || '?';
}

export function portrait(gallery, faceId, name, size = '') {
  const letters = () => h('span', { class: `portrait portrait-letters ${size}`, 'aria-hidden': 'true' }, initials(name));
  if (faceId === null || faceId === undefined) return letters();
  const image = h('img', { class: `portrait ${size}`, src: faces.cropAddress(gallery, faceId), alt: '', loading: 'lazy', decoding: 'async' });
  // Faces may be stored without their crops.
  image.addEventListener('error', () => image.replaceWith(letters()));
  return image;
}
