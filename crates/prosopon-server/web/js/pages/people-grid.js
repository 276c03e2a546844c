// Everybody in the gallery as a grid of faces: search, add, and enrol whole folders.

import * as api from '../api.js';
import { galleryChoice } from '../choices.js';
import { deletedSubjects } from '../deleted.js';
import { openDialog } from '../dialog.js';
import { debounced, field, fill, h } from '../dom.js';
import { filesInput } from '../files-input.js';
import { icon } from '../icons.js';
import { nameField } from '../name-field.js';
import { errorNotice, notice } from '../notices.js';
import { portrait } from '../portrait.js';
import { changes, reloadGalleries, state } from '../state.js';
import { uploadPanel } from '../upload-panel.js';
import * as words from '../words.js';

const PAGE_SIZE = 60;

export function peopleGrid(uploads) {
  let next = null;
  let loading = null;
  let isShown = false;

  const search = h('input', { type: 'search', placeholder: 'Search by name', 'aria-label': 'Search by name', oninput: debounced(() => load()) });
  const total = h('p', { class: 'soft', role: 'status' });
  const list = h('ul', { class: 'people-grid' });
  const trouble = h('div', {});
  const more = h('button', { type: 'button', class: 'more', onclick: () => load({ isMore: true }) }, 'Show more');
  const chooser = filesInput(enrol);
  const uploadPlace = h('div', {});
  const element = h('div', { class: 'people-view' },
    h('div', { class: 'page-head' },
      h('div', {}, h('h1', { tabindex: '-1' }, 'People'), total),
      h('div', { class: 'choices' }, galleryChoice())),
    h('div', { class: 'toolbar' },
      h('div', { class: 'search' }, icon('search'), search),
      h('div', { class: 'buttons' },
        h('button', { type: 'button', onclick: addPerson }, icon('plus'), 'Add a person'),
        chooser.filesButton(),
        chooser.folderButton({ class: 'primary' })),
      chooser.inputs),
    uploadPlace, trouble, list, more);

  chooser.acceptDrops(element);
  changes.addEventListener('choice', () => isShown && load());

  async function load({ isMore = false } = {}) {
    loading?.abort();
    loading = new AbortController();
    const { signal } = loading;
    try {
      const query = { search: search.value.trim(), after: isMore ? next : null, limit: PAGE_SIZE };
      const page = await api.subjects.list(state.gallery, query, signal);
      const cards = page.subjects.filter((subject) => !deletedSubjects.has(state.gallery, subject.id)).map(card);
      next = page.next;
      if (isMore) {
        list.append(...cards);
        cards[0]?.querySelector('a').focus();
      } else {
        fill(list, cards);
      }
      more.hidden = !next;
      fill(trouble, list.childElementCount === 0 ? nobody() : null);
      showTotal();
    } catch (error) {
      if (error.name === 'AbortError') return;
      more.hidden = true;
      if (!isMore) fill(list);
      fill(trouble, errorNotice(error, h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => load() }, 'Try again'))));
    }
  }

  async function showTotal() {
    await reloadGalleries().catch(() => {});
    const gallery = state.galleries.find(({ name }) => name === state.gallery);
    const gone = deletedSubjects.count(state.gallery);
    fill(total, gallery ? `${words.count(gallery.subjects - gone.n, 'person', 'people')}, ${words.count(gallery.faces - gone.faces, 'face')}` : '');
  }

  function nobody() {
    if (search.value.trim()) return h('p', { class: 'empty' }, `Nobody’s name contains “${search.value.trim()}”.`);
    return h('div', { class: 'drop-zone' },
      h('div', { class: 'drop-words' }, icon('folder'),
        h('p', { class: 'drop-title' }, 'Nobody is enrolled yet'),
        h('p', { class: 'soft' }, 'Drop a folder here that holds a folder of pictures for each person: the folders’ names become the people’s. Or give a face a name on the page ', h('a', { href: '#/identify' }, 'Identify'), '.')));
  }

  function card(subject) {
    return h('li', {}, h('a', { class: 'person-card', href: `#/people/${subject.id}`, 'aria-label': `${subject.name}, ${words.count(subject.n_faces, 'face')}` },
      portrait(state.gallery, subject.cover_face_id, subject.name),
      h('span', { class: 'person-name' }, subject.name),
      h('small', { class: 'soft' }, words.count(subject.n_faces, 'face'))));
  }

  function addPerson() {
    const name = h('input', { type: 'text', required: true, maxlength: '200', autocomplete: 'off', 'data-first': true });
    const outcome = h('div', {});
    const close = openDialog('Add a person', h('form', {
      class: 'dialog-body',
      async onsubmit(event) {
        event.preventDefault();
        try {
          const subject = await api.subjects.add(state.gallery, { name: name.value.trim() });
          close();
          location.hash = `#/people/${subject.id}`;
        } catch (error) {
          fill(outcome, errorNotice(error));
        }
      },
    }, field('Name', name, 'Pictures can be added on the person’s own page.'), outcome,
    h('div', { class: 'buttons buttons-end' }, h('button', { type: 'submit', class: 'primary' }, 'Add'))));
  }

  /// Shows whose pictures they would be, and asks for the name where no folder says it.
  function enrol({ pictures, leftOut }) {
    if (pictures.length === 0) {
      fill(trouble, notice('warning', 'There is no picture among these files.', leftOut.length ? `Left out: ${leftOut.slice(0, 5).join(', ')}` : null));
      return;
    }
    const byFolder = Map.groupBy ? Map.groupBy(pictures, ({ folder: name }) => name) : grouped(pictures);
    const loose = byFolder.get(null) ?? [];
    byFolder.delete(null);
    const { input, list: names } = nameField({ 'data-first': true });
    const close = openDialog('Add pictures', h('form', {
      class: 'dialog-body',
      onsubmit(event) {
        event.preventDefault();
        close();
        start(pictures.map(({ file, folder: name }) => ({ file, subject: name ?? input.value.trim() })), leftOut);
      },
    },
    loose.length > 0 ? [field(`Who is on ${words.count(loose.length, 'picture')}?`, input), names] : null,
    byFolder.size > 0 ? h('div', {},
      h('p', {}, byFolder.size === 1 ? 'The folder’s name becomes the person’s:' : 'The folders’ names become the people’s:'),
      h('ul', { class: 'folder-list' }, [...byFolder].map(([name, some]) => h('li', {}, h('span', {}, name), h('span', { class: 'soft number' }, words.count(some.length, 'picture')))))) : null,
    h('div', { class: 'buttons buttons-end' },
      h('button', { type: 'submit', class: 'primary', 'data-first': loose.length === 0 }, `Enrol ${words.count(pictures.length, 'picture')}`))));
  }

  function start(items, leftOut) {
    const { gallery } = state;
    const n = new Set(items.map((item) => item.subject)).size;
    const send = ({ subject, files: some, query }, options) => api.galleries.enrol(gallery, some, { ...query, subject }, options);
    const title = n === 1 ? `Pictures of ${items[0].subject}` : `Pictures of ${words.count(n, 'person', 'people')}`;
    uploads.prepend(uploadPanel(items, send, { title, leftOut, onadded, ondone: () => isShown && load() }));
  }

  /// The grid fills while pictures are sent, unless somebody is in the middle of it.
  function onadded() {
    if (isShown && !list.contains(document.activeElement) && list.childElementCount <= PAGE_SIZE) load();
  }

  return {
    element,
    show() {
      isShown = true;
      uploadPlace.append(uploads);
      load();
    },
    hide() {
      isShown = false;
    },
  };
}

function grouped(pictures) {
  const groups = new Map();
  for (const picture of pictures) groups.set(picture.folder, [...(groups.get(picture.folder) ?? []), picture]);
  return groups;
}
