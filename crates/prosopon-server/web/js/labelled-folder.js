// A folder that holds a folder of pictures for each class or person: dropped, chosen, or one that the server offers.

import { field, fill, h } from './dom.js';
import { chosenFiles } from './files.js';
import { icon } from './icons.js';

/// A place to drop such a folder on, with a button to choose one. `ontake(files, title)` gets what was chosen and the folder's name;
/// what is dropped is the page's own business.
export function folderZone({ label, title, explanation, ontake }) {
  const input = h('input', { type: 'file', webkitdirectory: true, class: 'visually-hidden', tabindex: '-1', 'aria-hidden': 'true' });
  input.addEventListener('change', () => {
    const name = input.files[0]?.webkitRelativePath.split('/')[0] ?? '';
    const chosen = chosenFiles(input.files);
    input.value = '';
    ontake(chosen, name);
  });
  return h('div', { class: 'drop-zone', role: 'group', 'aria-label': label },
    h('div', { class: 'drop-words' }, icon('folder'), h('p', { class: 'drop-title' }, title), h('p', { class: 'soft' }, explanation)),
    h('div', { class: 'buttons' },
      h('button', { type: 'button', class: 'primary choose', onclick: () => input.click() }, icon('folder'), 'Choose a folder')),
    input);
}

/// Fills `place`, once, with a choice of the server's own folders, where it offers some; `names` is null where it does not.
export function offerFolders(place, names, { action, symbol, onchoose }) {
  if (!names || place.childElementCount > 0) return;
  const choice = h('select', {}, names.map((name) => h('option', { value: name }, name === '.' ? 'all of them (.)' : name)));
  // The first is all of them.
  if (names.length > 1) choice.value = names[1];
  fill(place, h('form', {
    class: 'card evaluate-named',
    onsubmit(event) {
      event.preventDefault();
      onchoose(choice.value);
    },
  }, field('Or a folder on the server', choice), h('button', { type: 'submit' }, icon(symbol), action)));
}
