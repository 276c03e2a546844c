// What is decided about the groups of an album: asked for, said, and taken back.

import * as api from '../api.js';
import { openDialog } from '../dialog.js';
import { fill, h, newId } from '../dom.js';
import { errorNotice, toast } from '../notices.js';
import * as words from '../words.js';

export const called = (group) => group.name ?? `Person ${group.id}`;

/// A face of an album, or of the group that it shows.
export const albumPortrait = (album, face, size = '') => h('img', { class: `portrait ${size}`, src: api.albums.cropAddress(album, face), alt: '', loading: 'lazy', decoding: 'async' });

/// Decides, and says so with a button that takes it back; `onchange` runs after either.
export async function decide(album, decision, said, onchange) {
  const answer = await api.albums.decide(album, decision);
  toast(said, { action: 'Undo', onaction: () => takeBack(album, onchange) });
  await onchange(answer);
  return answer;
}

/// Takes the last decision back.
export async function takeBack(album, onchange) {
  try {
    const { decision } = await api.albums.undo(album);
    toast(`Taken back: ${decision.summary.replaceAll('`', '')}.`, { action: 'Redo', onaction: () => decideAgain(album, onchange) });
  } catch (error) {
    toast(words.sentence(error.message));
  }
  await onchange();
}

export async function decideAgain(album, onchange) {
  try {
    const { decision } = await api.albums.redo(album);
    toast(`Decided again: ${decision.summary.replaceAll('`', '')}.`);
  } catch (error) {
    toast(words.sentence(error.message));
  }
  await onchange();
}

/// Asks for another group than `but`; `onchosen` may fail, which is said in the dialog.
export function chooseGroup(title, text, album, but, onchosen) {
  const name = newId('group');
  const list = h('div', { class: 'merge-list', role: 'radiogroup', 'aria-label': title });
  const outcome = h('div', {});
  const button = h('button', { type: 'submit', class: 'primary', disabled: true }, 'Choose');
  const close = openDialog(title, h('form', {
    class: 'dialog-body',
    async onsubmit(event) {
      event.preventDefault();
      const chosen = list.querySelector('input:checked');
      if (!chosen) return;
      try {
        await onchosen(Number(chosen.value));
        close();
      } catch (error) {
        fill(outcome, errorNotice(error));
      }
    },
  }, h('p', { class: 'soft' }, text), list, outcome, h('div', { class: 'buttons buttons-end' }, button)));
  api.albums.groups(album, { limit: 1000 }).then(({ groups }) => {
    const others = groups.filter(({ id }) => id !== but);
    fill(list, others.length === 0 ? h('p', { class: 'soft' }, 'There is no other group.') : others.map((group) => h('label', { class: 'merge-choice' },
      h('input', { type: 'radio', name, value: String(group.id), onchange: () => { button.disabled = false; } }),
      albumPortrait(album, group.cover, 'small'),
      h('span', {}, called(group)), h('small', { class: 'soft' }, words.count(group.faces, 'face')))));
  }, (error) => fill(outcome, errorNotice(error)));
}
