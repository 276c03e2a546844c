// An album: its people as a grid of faces; photographs are added here, and groups put together or told apart.

import * as api from '../api.js';
import { confirmed } from '../dialog.js';
import { field, fill, h } from '../dom.js';
import { filesInput } from '../files-input.js';
import { icon } from '../icons.js';
import { errorNotice, notice, toast } from '../notices.js';
import { patiently } from '../patience.js';
import { uploadPanel } from '../upload-panel.js';
import * as words from '../words.js';
import { albumPortrait, called, decide, decideAgain, takeBack } from './photos-decisions.js';

const PAGE_SIZE = 1000;

/// A folder's name as an album's.
const albumName = (text) => text.normalize('NFKD').replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60) || 'photos';

export function albumView(uploads) {
  let album = null;
  let albums = [];
  let groups = [];
  let chosen = new Set();
  let loading = null;
  let isShown = false;

  const total = h('p', { class: 'soft', role: 'status' });
  const choice = h('select', { onchange: () => { location.hash = `#/photos/${choice.value}`; } });
  const choiceField = field('Album', choice);
  const trouble = h('div', {});
  const doing = h('p', { class: 'soft', role: 'status' });
  const list = h('ul', { class: 'people-grid' });
  const once = h('details', { class: 'once', hidden: true });
  const selection = h('div', { class: 'selection', role: 'region', 'aria-label': 'Chosen people', hidden: true });
  const chooser = filesInput(add);
  const withAlbum = h('div', { class: 'buttons' },
    h('button', { type: 'button', onclick: () => takeBack(album, load) }, 'Undo'),
    h('button', { type: 'button', onclick: () => decideAgain(album, load) }, 'Redo'),
    h('button', { type: 'button', onclick: () => group(album, { again: true }) }, 'Group again'),
    h('button', { type: 'button', class: 'danger-quiet', onclick: remove }, icon('bin'), 'Delete the album'));
  const uploadPlace = h('div', {});
  const element = h('div', { class: 'people-view' },
    h('div', { class: 'page-head' },
      h('div', {}, h('h1', { tabindex: '-1' }, 'Photos'), total),
      h('div', { class: 'choices' }, choiceField)),
    h('div', { class: 'toolbar' }, withAlbum,
      h('div', { class: 'buttons' },
        chooser.filesButton(),
        chooser.folderButton({ class: 'primary' })),
      chooser.inputs),
    uploadPlace, trouble, doing, list, once, selection);

  chooser.acceptDrops(element);

  async function load() {
    loading?.abort();
    loading = new AbortController();
    const { signal } = loading;
    try {
      ({ albums } = await api.albums.list());
      if (!albums.some(({ name }) => name === album)) album = albums[0]?.name ?? null;
      fill(choice, albums.map(({ name }) => h('option', { value: name, selected: name === album }, name)));
      choiceField.hidden = albums.length < 2;
      withAlbum.hidden = album === null;
      groups = album === null ? [] : (await api.albums.groups(album, { limit: PAGE_SIZE }, signal)).groups;
      if (signal.aborted || !isShown) return;
      chosen = new Set([...chosen].filter((id) => groups.some((known) => known.id === id)));
      fill(trouble, album === null ? empty() : null);
      showGroups();
    } catch (error) {
      if (error.name === 'AbortError') return;
      fill(trouble, errorNotice(error, h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: load }, 'Try again'))));
    }
  }

  function showGroups() {
    const counts = albums.find(({ name }) => name === album);
    fill(total, counts ? [words.count(counts.pictures, 'picture'), words.count(counts.faces, 'face'), words.count(counts.groups, 'person', 'people')].join(', ') : '');
    const isSeenOnce = (known) => known.faces === 1 && known.name === null;
    const some = groups.filter(isSeenOnce);
    fill(list, groups.filter((known) => !isSeenOnce(known)).map(card));
    once.hidden = some.length === 0;
    fill(once, h('summary', {}, `${words.count(some.length, 'person', 'people')} on one picture only`), h('ul', { class: 'people-grid' }, some.map(card)));
    showSelection();
  }

  function card(known) {
    const name = called(known);
    const check = h('input', {
      type: 'checkbox', 'aria-label': `Choose ${name}`, checked: chosen.has(known.id),
      onchange: () => { if (check.checked) chosen.add(known.id); else chosen.delete(known.id); showSelection(); },
    });
    return h('li', { class: 'group-card' },
      h('a', { class: 'person-card', href: `#/photos/${album}/${known.id}`, 'aria-label': `${name}, ${words.count(known.faces, 'face')}` },
        albumPortrait(album, known.cover),
        h('span', { class: `person-name${known.name ? '' : ' unnamed'}` }, name),
        h('small', { class: 'soft' }, words.count(known.faces, 'face'))),
      h('label', { class: 'group-check' }, check));
  }

  function showSelection() {
    const some = groups.filter(({ id }) => chosen.has(id));
    selection.hidden = some.length === 0;
    const names = some.slice(0, 3).map(called).join(', ') + (some.length > 3 ? ' …' : '');
    fill(selection, h('p', {}, h('strong', {}, names)),
      h('div', { class: 'buttons' },
        some.length > 1 ? h('button', { type: 'button', class: 'primary', onclick: () => act(merge) }, icon('merge'), 'The same person') : h('span', { class: 'soft' }, 'Choose another one to say whether they are the same person.'),
        some.length === 2 ? h('button', { type: 'button', onclick: () => act(apart) }, 'Not the same') : null,
        h('button', { type: 'button', onclick: () => { chosen.clear(); showGroups(); } }, 'Choose nobody')));
  }

  async function act(decision) {
    const some = groups.filter(({ id }) => chosen.has(id));
    try {
      await decision(some);
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
  }

  function merge([into, ...from]) {
    chosen.clear();
    const decision = { kind: 'merge', into: into.id, from: from.map(({ id }) => id) };
    return decide(album, decision, `${[into, ...from].map(called).join(' and ')} are one person.`, load);
  }

  function apart([a, b]) {
    chosen.clear();
    return decide(album, { kind: 'apart', a: a.id, b: b.id }, `${called(a)} and ${called(b)} are two people.`, load);
  }

  /// Puts the faces of the album `target` together, whatever is shown meanwhile.
  async function group(target, options) {
    fill(doing, 'Comparing faces …');
    try {
      await patiently(() => api.albums.group(target, options));
      if (options?.again) toast('Grouped again. What was decided is as it was.');
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
    fill(doing);
    if (isShown) await load();
  }

  async function remove() {
    const text = `The faces and groups of “${album}” are deleted, with all that was decided about them. The photographs themselves are where they were.`;
    if (!await confirmed('Delete the album?', text, 'Delete')) return;
    try {
      await api.albums.remove(album);
      album = null;
      location.hash = '#/photos';
      await load();
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
  }

  function empty() {
    return h('div', { class: 'drop-zone' },
      h('div', { class: 'drop-words' }, icon('folder'),
        h('p', { class: 'drop-title' }, 'Who is on your photographs?'),
        h('p', { class: 'soft' }, 'Drop a folder of photographs here. Their faces are put together by person, without any names; then you say who they are. The server keeps the faces, not the photographs.')));
  }

  async function add({ pictures, leftOut }) {
    if (pictures.length === 0) {
      fill(trouble, notice('warning', 'There is no picture among these files.', leftOut.length ? `Left out: ${leftOut.slice(0, 5).join(', ')}` : null));
      return;
    }
    try {
      if (album === null) await make(albumName(pictures[0].folder ?? 'photos'));
    } catch (error) {
      fill(trouble, errorNotice(error));
      return;
    }
    const target = album;
    const items = pictures.map(({ file }) => ({ file, subject: target }));
    const send = ({ files: some }, options) => api.albums.addPictures(target, some, options);
    uploads.prepend(uploadPanel(items, send, {
      title: `Photographs for ${target}`,
      leftOut,
      ondone: () => group(target),
    }));
  }

  async function make(name) {
    await api.albums.add(name);
    album = name;
    fill(trouble);
  }

  return {
    element,
    show(name) {
      isShown = true;
      if (name) album = name;
      uploadPlace.append(uploads);
      load();
    },
    hide() {
      isShown = false;
      loading?.abort();
    },
  };
}
