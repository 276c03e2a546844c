// A place that takes one picture: dropped, pasted, chosen or photographed.

import { photographDialog } from './camera.js';
import { h, newId } from './dom.js';
import { acceptDrops } from './drop.js';
import { icon } from './icons.js';
import { toast } from './notices.js';

const firstPicture = (files) => [...files].find((file) => file.type.startsWith('image/')) ?? files[0];

/// `onpicture` is given the file; `more` is shown below the buttons as long as there is none.
export function pictureInput({ title, hint, onpicture, more }) {
  const file = h('input', { type: 'file', accept: 'image/*,.heic,.heif,.avif,.tif,.tiff,.bmp,.pgm,.ppm', class: 'visually-hidden', id: newId('picture'), tabindex: '-1', 'aria-hidden': 'true' });
  file.addEventListener('change', () => {
    if (file.files[0]) onpicture(file.files[0]);
    // The same file chosen again is a wish to look again.
    file.value = '';
  });
  const chooseLabel = h('span', {}, 'Choose a picture');
  const element = h('div', { class: 'drop-zone', role: 'group', 'aria-label': title },
    h('div', { class: 'drop-words' }, icon('picture'), h('p', { class: 'drop-title' }, title), hint ? h('p', { class: 'soft' }, hint) : null),
    h('div', { class: 'buttons' },
      h('button', { type: 'button', class: 'primary choose', onclick: () => file.click() }, icon('picture'), chooseLabel),
      h('button', { type: 'button', class: 'photograph', onclick: () => photographDialog(onpicture) }, icon('camera'), h('span', {}, 'Use the camera'))),
    more ? h('div', { class: 'drop-more soft' }, more) : null,
    file);

  function take(files) {
    const picture = firstPicture(files);
    if (!picture) return false;
    if (files.length > 1) toast(`Only one picture is looked at here: ${picture.name}`);
    onpicture(picture);
    return true;
  }

  /// Once there is a picture the place shrinks to its buttons.
  function setFilled(isFilled) {
    element.classList.toggle('drop-filled', isFilled);
    chooseLabel.textContent = isFilled ? 'Another picture' : 'Choose a picture';
  }

  const focus = () => element.querySelector('.choose').focus();

  /// Makes `target` take dropped pictures too.
  const takeDrops = (target) => acceptDrops(target, (transfer) => take(transfer.files));

  return { element, focus, acceptDrops: takeDrops, setFilled, paste: (event) => take(event.clipboardData?.files ?? []) };
}
