// People: everybody in the gallery, and one of them when the address names one (`#/people/3`).

import { h, fill } from '../dom.js';
import { peopleGrid } from './people-grid.js';
import { personView } from './person.js';

export function peoplePage() {
  // Uploads go on, and are seen to, whichever person is being looked at.
  const uploads = h('div', { class: 'uploads' });
  const view = h('div', {});
  const element = h('section', { class: 'page people' }, view);
  const grid = peopleGrid(uploads);
  let open = null;

  return {
    element,
    show([id]) {
      open?.hide?.();
      open = /^\d+$/.test(id ?? '') ? personView(Number(id), uploads) : grid;
      fill(view, open.element);
      open.show();
    },
    hide() {
      open?.hide?.();
    },
  };
}
