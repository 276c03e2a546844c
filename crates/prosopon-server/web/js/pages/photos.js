// Photos: photographs grouped by person, without any names (`#/photos/summer`), or one of the groups (`#/photos/summer/17`).

import { h, fill } from '../dom.js';
import { albumView } from './photos-album.js';
import { groupView } from './photos-group.js';

export function photosPage() {
  // Uploads go on, and are seen to, whichever group is being looked at.
  const uploads = h('div', { class: 'uploads' });
  const element = h('section', { class: 'page photos' });
  const album = albumView(uploads);
  let open = null;

  return {
    element,
    show([name, id]) {
      open?.hide?.();
      open = name && /^\d+$/.test(id ?? '') ? groupView(name, Number(id)) : album;
      fill(element, open.element);
      open.show(name);
    },
    hide() {
      open?.hide?.();
    },
  };
}
