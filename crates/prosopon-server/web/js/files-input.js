// Many pictures at once: chosen one by one, as a folder, or dropped.

import { h } from './dom.js';
import { acceptDrops } from './drop.js';
import { chosenFiles, droppedFiles } from './files.js';
import { icon } from './icons.js';

/// `onfiles` is given `{pictures, leftOut}` as `chosenFiles` has them. The inputs have to be on the page, out of sight.
export function filesInput(onfiles) {
  function picker(attributes) {
    const input = h('input', { type: 'file', class: 'visually-hidden', tabindex: '-1', 'aria-hidden': 'true', ...attributes });
    input.addEventListener('change', () => {
      const chosen = chosenFiles(input.files);
      // The same files chosen again are a wish to send them again.
      input.value = '';
      onfiles(chosen);
    });
    return input;
  }
  const files = picker({ multiple: true, accept: 'image/*' });
  const folder = picker({ webkitdirectory: true });
  return {
    inputs: [files, folder],
    filesButton: (attributes) => h('button', { type: 'button', ...attributes, onclick: () => files.click() }, icon('picture'), 'Add pictures'),
    folderButton: (attributes) => h('button', { type: 'button', ...attributes, onclick: () => folder.click() }, icon('folder'), 'Add a folder'),
    acceptDrops: (target) => acceptDrops(target, async (transfer) => onfiles(await droppedFiles(transfer))),
  };
}
