// Asks into whom a person is merged.

import * as api from '../api.js';
import { deletedSubjects } from '../deleted.js';
import { openDialog } from '../dialog.js';
import { debounced, field, fill, h, newId } from '../dom.js';
import { errorNotice } from '../notices.js';
import { portrait } from '../portrait.js';
import * as words from '../words.js';

export function mergeDialog(gallery, subject, { search = '', onmerged }) {
  const group = newId('into');
  // Not a search field: in one, Escape empties it instead of closing the dialog.
  const query = h('input', { type: 'text', value: search, placeholder: 'Search by name', 'data-first': true, autocomplete: 'off', oninput: debounced(() => load()) });
  const list = h('div', { class: 'merge-list', role: 'radiogroup', 'aria-label': 'Merge into' });
  const outcome = h('div', {});
  const button = h('button', { type: 'submit', class: 'primary', disabled: true }, 'Merge');

  async function load() {
    try {
      const { subjects } = await api.subjects.list(gallery, { search: query.value.trim(), limit: 30 });
      const others = subjects.filter(({ id }) => id !== subject.id && !deletedSubjects.has(gallery, id));
      button.disabled = true;
      fill(list, others.length === 0 ? h('p', { class: 'soft' }, 'Nobody else of that name.') : others.map((other) => h('label', { class: 'merge-choice' },
        h('input', { type: 'radio', name: group, value: String(other.id), onchange: () => { button.disabled = false; } }),
        portrait(gallery, other.cover_face_id, other.name, 'small'),
        h('span', {}, other.name), h('small', { class: 'soft' }, words.count(other.n_faces, 'face')))));
      if (others.length === 1) list.querySelector('input').click();
    } catch (error) {
      fill(outcome, errorNotice(error));
    }
  }

  const close = openDialog(`Merge ${subject.name} into…`, h('form', {
    class: 'dialog-body',
    async onsubmit(event) {
      event.preventDefault();
      const chosen = list.querySelector('input:checked');
      if (!chosen) return;
      button.disabled = true;
      try {
        const answer = await api.subjects.merge(gallery, subject.id, Number(chosen.value));
        close();
        onmerged(answer);
      } catch (error) {
        button.disabled = false;
        fill(outcome, errorNotice(error));
      }
    },
  },
  h('p', { class: 'soft' }, `All faces of ${subject.name} move to the other person, and ${subject.name} is gone. This cannot be undone.`),
  field('Into whom?', query), list, outcome,
  h('div', { class: 'buttons buttons-end' }, button)));
  load();
}
