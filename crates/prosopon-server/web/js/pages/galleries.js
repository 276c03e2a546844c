// The galleries: how many people and faces each holds; making and deleting one.

import * as api from '../api.js';
import { confirmed, openDialog } from '../dialog.js';
import { field, fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { errorNotice, toast } from '../notices.js';
import { chooseGallery, reloadGalleries, state } from '../state.js';
import * as words from '../words.js';

/// `onchange` runs after one was made or deleted.
export function galleriesCard(isAdmin, onchange) {
  const rows = h('tbody', {});
  const trouble = h('div', {});
  let shown = '';
  const element = h('section', { class: 'card' },
    h('div', { class: 'card-head' }, h('h2', {}, 'Galleries'),
      isAdmin ? h('button', { type: 'button', class: 'small', onclick: create }, icon('plus'), 'New gallery') : null),
    trouble,
    h('div', { class: 'table-scroll' }, h('table', {},
      h('thead', {}, h('tr', {}, h('th', {}, 'Name'), h('th', { class: 'right' }, 'People'), h('th', { class: 'right' }, 'Faces'),
        isAdmin ? h('th', {}, h('span', { class: 'visually-hidden' }, 'Actions')) : null)),
      rows)));

  function show(galleries) {
    // Rows that stay the same stay in place: the focus may be on one of their buttons.
    const now = JSON.stringify(galleries);
    if (now === shown) return;
    shown = now;
    fill(rows, galleries.map((gallery) => h('tr', {},
      h('td', {}, gallery.name),
      h('td', { class: 'right number' }, words.whole(gallery.subjects)),
      h('td', { class: 'right number' }, words.whole(gallery.faces)),
      isAdmin ? h('td', { class: 'right' }, gallery.is_default ? null
        : h('button', { type: 'button', class: 'icon-button', 'aria-label': `Delete ${gallery.name}`, title: 'Delete this gallery', onclick: () => remove(gallery) }, icon('bin'))) : null)));
  }

  async function changed(gallery) {
    await reloadGalleries();
    // Also tells the lists of galleries on other pages.
    chooseGallery(gallery);
    onchange();
  }

  function create() {
    const name = h('input', { type: 'text', required: true, maxlength: '64', autocomplete: 'off', spellcheck: 'false', 'data-first': true });
    const outcome = h('div', {});
    const close = openDialog('New gallery', h('form', {
      class: 'dialog-body',
      async onsubmit(event) {
        event.preventDefault();
        try {
          const made = await api.galleries.add(name.value.trim());
          close();
          toast(`${made.name} is made, and chosen on all pages.`);
          await changed(made.name);
        } catch (error) {
          fill(outcome, errorNotice(error));
        }
      },
    }, field('Name', name, 'People of one gallery are never looked for in another.'), outcome,
    h('div', { class: 'buttons buttons-end' }, h('button', { type: 'submit', class: 'primary' }, 'Make the gallery'))));
  }

  async function remove({ name, subjects, faces }) {
    const text = `${words.count(subjects, 'person', 'people')} and ${words.count(faces, 'face')} are deleted with it. This cannot be undone.`;
    if (!await confirmed(`Delete the gallery ${name}?`, text, 'Delete')) return;
    try {
      await api.galleries.remove(name);
      fill(trouble);
      toast(`The gallery ${name} is deleted.`);
      await changed(state.gallery === name ? state.galleries.find((one) => one.is_default).name : state.gallery);
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
  }

  return { element, show };
}
