// One group of an album: who it is, and whether all of its faces are that person's.

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { nameField } from '../name-field.js';
import { errorNotice, toast } from '../notices.js';
import { state } from '../state.js';
import * as words from '../words.js';
import { albumPortrait, called, chooseGroup, decide } from './photos-decisions.js';

export function groupView(album, id) {
  let group = null;
  let isShown = false;
  const chosen = new Set();

  const head = h('div', { class: 'person-head' });
  const trouble = h('div', {});
  const faces = h('ul', { class: 'face-grid' });
  const selection = h('div', { class: 'selection', role: 'region', 'aria-label': 'Chosen faces', hidden: true });
  const element = h('div', { class: 'person-view' },
    h('a', { class: 'back', href: `#/photos/${album}` }, icon('previous'), 'Everybody'),
    head, trouble, faces, selection);

  async function load() {
    try {
      const answer = await api.albums.showGroup(album, id);
      if (!isShown) return;
      ({ group } = answer);
      document.title = `${called(group)} · Prosopon`;
      chosen.clear();
      fill(trouble);
      showHead();
      fill(faces, answer.faces.map(card));
      showSelection();
    } catch (error) {
      if (!isShown) return;
      // The last of its faces went elsewhere.
      if (error.code === 'unknown_group' && group) location.hash = `#/photos/${album}`;
      fill(head, h('h1', { tabindex: '-1' }, 'Photos'));
      fill(faces);
      fill(trouble, errorNotice(error));
    }
  }

  function showHead() {
    const { input, list } = nameField({ value: group.name ?? '', placeholder: 'Name', 'aria-label': 'Name' });
    fill(head,
      albumPortrait(album, group.cover, 'large'),
      h('div', { class: 'person-words' },
        h('h1', { tabindex: '-1' }, group.name ?? 'Who is this?'),
        h('p', { class: 'soft' }, [words.count(group.faces, 'face'), words.count(group.pictures, 'picture'), group.confirmed > 0 ? `${words.whole(group.confirmed)} confirmed` : null].filter(Boolean).join(' · '))),
      h('div', { class: 'buttons' },
        h('form', {
          class: 'rename-form',
          onsubmit(event) {
            event.preventDefault();
            const name = input.value.trim();
            if (name && name !== group.name) act(() => decide(album, { kind: 'name', group: id, name }, `This is ${name}.`, load));
          },
        }, input, list, h('button', { type: 'submit', class: 'primary' }, group.name ? 'Rename' : 'Save')),
        h('button', { type: 'button', onclick: merge }, icon('merge'), 'Same as …'),
        group.name ? h('button', { type: 'button', onclick: enrol }, icon('person'), 'Enrol') : null));
  }

  function card(face) {
    const check = h('input', {
      type: 'checkbox', 'aria-label': `Choose the face from ${face.file_name || 'a picture'}`,
      onchange: () => { if (check.checked) chosen.add(face.id); else chosen.delete(face.id); showSelection(); },
    });
    return h('li', {}, h('label', { class: 'face-card face-choice' },
      albumPortrait(album, face.id), check,
      h('span', { class: 'face-file', title: face.file_name }, face.file_name || 'a picture'),
      face.is_confirmed ? h('small', { class: 'soft' }, 'confirmed') : null));
  }

  function showSelection() {
    const n = chosen.size;
    selection.hidden = n === 0;
    const isAll = group !== null && n === group.faces;
    fill(selection, h('p', {}, h('strong', {}, words.count(n, 'face'))),
      h('div', { class: 'buttons' },
        isAll ? null : h('button', { type: 'button', class: 'primary', onclick: split }, 'Somebody else'),
        h('button', { type: 'button', onclick: move }, 'Move to …'),
        h('button', { type: 'button', onclick: load }, 'Choose none')));
  }

  async function act(action) {
    try {
      await action();
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
  }

  const split = () => act(() => decide(album, { kind: 'split', faces: [...chosen] }, `${words.count(chosen.size, 'face')} taken out: somebody else.`, load));

  // A group without faces is none any more.
  const leave = () => { location.hash = `#/photos/${album}`; };

  function move() {
    const some = [...chosen];
    chooseGroup('Move to …', `Whose ${some.length === 1 ? 'face is this' : 'faces are these'}?`, album, id,
      (to) => decide(album, { kind: 'move', faces: some, to }, `${words.count(some.length, 'face')} moved.`, some.length === group.faces ? leave : load));
  }

  function merge() {
    chooseGroup('Same as …', `Everybody chosen here becomes one person with ${called(group)}.`, album, id, async (other) => {
      await decide(album, { kind: 'merge', into: id, from: [other] }, 'They are one person.', load);
    });
  }

  const enrol = () => act(async () => {
    const { added, duplicates, subject } = await api.albums.enrol(album, id, state.gallery);
    toast(`${subject}: ${words.count(added, 'face')} enrolled${duplicates ? `, ${words.whole(duplicates)} known already` : ''}.`);
  });

  return {
    element,
    show() {
      isShown = true;
      load();
    },
    hide() {
      isShown = false;
    },
  };
}
