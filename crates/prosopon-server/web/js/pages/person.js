// One person: faces, name, particulars; adding pictures, merging, deleting.

import * as api from '../api.js';
import { deletedFaces, deletedSubjects } from '../deleted.js';
import { fill, h } from '../dom.js';
import { filesInput } from '../files-input.js';
import { icon } from '../icons.js';
import { errorNotice, toast } from '../notices.js';
import { portrait } from '../portrait.js';
import { state } from '../state.js';
import { later } from '../undo.js';
import { uploadPanel } from '../upload-panel.js';
import * as words from '../words.js';
import { mergeDialog } from './merge-dialog.js';
import { particularsForm } from './particulars.js';

export function personView(id, uploads) {
  const { gallery } = state;
  let subject = null;
  let isShown = false;

  const head = h('div', { class: 'person-head' });
  const trouble = h('div', {});
  const particulars = h('div', {});
  const faces = h('ul', { class: 'face-grid' });
  const uploadPlace = h('div', {});
  const chooser = filesInput(enrol);
  const element = h('div', { class: 'person-view' },
    h('a', { class: 'back', href: '#/people' }, icon('previous'), 'Everybody'),
    head, trouble, uploadPlace, faces, particulars, chooser.inputs);

  chooser.acceptDrops(element);

  async function load() {
    try {
      const [found, { faces: list }] = await Promise.all([api.subjects.get(gallery, id), api.subjects.faces(gallery, id)]);
      if (!isShown) return;
      subject = found;
      document.title = `${subject.name} · Prosopon`;
      showHead();
      fill(particulars, particularsForm(subject, change));
      showFaces(list.filter((face) => !deletedFaces.has(gallery, face.id)));
    } catch (error) {
      fill(head, h('h1', { tabindex: '-1' }, 'People'));
      fill(trouble, errorNotice(error));
    }
  }

  function showHead() {
    const had = head.contains(document.activeElement);
    fill(head,
      portrait(gallery, subject.cover_face_id, subject.name, 'large'),
      h('div', { class: 'person-words' },
        h('h1', { tabindex: '-1' }, subject.name),
        h('p', { class: 'soft' }, `${words.count(subject.n_faces, 'face')} · since ${words.day(subject.created_millis)}`)),
      h('div', { class: 'buttons' },
        chooser.filesButton({ class: 'primary' }),
        chooser.folderButton(),
        h('button', { type: 'button', class: 'rename', onclick: rename }, icon('pencil'), 'Rename'),
        h('button', { type: 'button', onclick: () => mergeDialog(gallery, subject, { onmerged }) }, icon('merge'), 'Merge'),
        h('button', { type: 'button', class: 'danger-quiet', onclick: remove }, icon('bin'), 'Delete')));
    if (had) head.querySelector('h1').focus();
  }

  async function change(json) {
    subject = await api.subjects.change(gallery, id, json);
    showHead();
    document.title = `${subject.name} · Prosopon`;
    return subject;
  }

  function rename() {
    const input = h('input', { type: 'text', value: subject.name, required: true, maxlength: '200', 'aria-label': 'New name', autocomplete: 'off' });
    const outcome = h('div', {});
    const form = h('form', {
      class: 'rename-form',
      onkeydown: (event) => event.key === 'Escape' && close(),
      async onsubmit(event) {
        event.preventDefault();
        const name = input.value.trim();
        if (name === subject.name) return close();
        try {
          await change({ name });
          fill(particulars, particularsForm(subject, change));
          toast(`Renamed to ${name}.`);
          head.querySelector('.rename').focus();
        } catch (error) {
          const isTaken = error.code === 'name_taken';
          fill(outcome, errorNotice(error, isTaken ? h('div', { class: 'buttons' },
            h('button', { type: 'button', onclick: () => mergeDialog(gallery, subject, { search: name, onmerged }) }, icon('merge'), `Merge with ${name} instead`)) : null));
        }
        return undefined;
      },
    }, input, h('button', { type: 'submit', class: 'primary' }, 'Save'), h('button', { type: 'button', onclick: () => close() }, 'Cancel'), outcome);
    const close = () => {
      showHead();
      head.querySelector('.rename').focus();
    };
    head.querySelector('h1').replaceWith(form);
    head.querySelector('.buttons').hidden = true;
    input.select();
    input.focus();
  }

  function onmerged({ subject: into, moved, duplicates }) {
    toast(`${words.count(moved, 'face')} moved to ${into.name}${duplicates ? `, ${words.count(duplicates, 'duplicate')} dropped` : ''}.`);
    location.hash = `#/people/${into.id}`;
  }

  function remove() {
    const { name } = subject;
    deletedSubjects.add(gallery, id, subject.n_faces);
    const restore = () => {
      deletedSubjects.remove(gallery, id);
      if (location.hash === '#/people') dispatchEvent(new HashChangeEvent('hashchange'));
    };
    later(`${name} is deleted.`, {
      send: async (options) => {
        await api.subjects.remove(gallery, id, options);
        deletedSubjects.remove(gallery, id);
      },
      onundo: restore,
      onfail(error) {
        restore();
        toast(`${name} was not deleted: ${error.message}`, { secs: 10 });
      },
    });
    location.hash = '#/people';
  }

  function showFaces(list) {
    if (list.length === 0) {
      fill(faces, h('li', { class: 'drop-zone face-none' }, h('div', { class: 'drop-words' }, icon('picture'),
        h('p', { class: 'drop-title' }, 'No faces yet'), h('p', { class: 'soft' }, `Drop pictures of ${subject.name} here. Three to ten from different days serve best.`))));
      return;
    }
    fill(faces, list.map((face) => faceCard(face, list)));
  }

  function faceCard(face, list) {
    const place = list.indexOf(face) + 1;
    const name = face.file_name ?? `face ${place}`;
    return h('li', { class: 'face-card' },
      portrait(gallery, face.has_crop ? face.id : null, subject.name),
      h('span', { class: 'face-file', title: name }, name),
      h('small', { class: 'soft number' }, `${Math.round(face.face_width_px)} px · ${words.day(face.created_millis)}`),
      h('button', { type: 'button', class: 'icon-button face-delete', 'aria-label': `Delete ${name}`, title: 'Delete this face', onclick: () => removeFace(face, list) }, icon('bin')));
  }

  function removeFace(face, list) {
    deletedFaces.add(gallery, face.id);
    const rest = list.filter((other) => other !== face);
    const restore = () => {
      deletedFaces.remove(gallery, face.id);
      if (isShown) load();
    };
    showFaces(rest);
    // The focus would fall off the page with the face that had it.
    (faces.querySelectorAll('.face-delete')[Math.min(list.indexOf(face), rest.length - 1)] ?? head.querySelector('h1'))?.focus();
    later('The face is deleted.', {
      send: async (options) => {
        await api.faces.remove(gallery, face.id, options);
        deletedFaces.remove(gallery, face.id);
        if (isShown && !options?.keepalive) load();
      },
      onundo: restore,
      onfail(error) {
        restore();
        toast(`The face was not deleted: ${error.message}`, { secs: 10 });
      },
    });
  }

  function enrol({ pictures, leftOut }) {
    if (pictures.length === 0 || !subject) return;
    const items = pictures.map(({ file }) => ({ file, subject: subject.name, subjectId: id }));
    const send = ({ files: some, query }, options) => api.subjects.addFaces(gallery, id, some, query, options);
    uploads.prepend(uploadPanel(items, send, { title: `Pictures of ${subject.name}`, leftOut, ondone: () => isShown && load() }));
  }

  return {
    element,
    async show() {
      isShown = true;
      uploadPlace.append(uploads);
      fill(head, h('h1', { tabindex: '-1' }, 'People'));
      await load();
      element.querySelector('h1')?.focus();
    },
    hide() {
      isShown = false;
    },
  };
}
