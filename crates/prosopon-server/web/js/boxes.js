// Boxes with names over a picture or a video. They are placed in percent, so they scale with it.

import { fill, h } from './dom.js';

/// `medium` is an `<img>` or `<video>`; `onselect(index)` is called when a box is clicked.
export function boxesOver(medium, { onselect, isMirrored = () => false } = {}) {
  const layer = h('div', { class: 'boxes' });
  const element = h('div', { class: 'picture' }, medium, layer);

  /// Lets the picture fill its place without growing past three times its size or `share` hundredths of the window's height.
  function fit(width, height, share = 78) {
    element.style.width = `min(100%, ${width * 3}px, ${(share * width) / height}vh)`;
    element.style.aspectRatio = `${width} / ${height}`;
  }

  /// `marks`: `{box, kind, label, description}`, the box normalised; kinds are `known`, `uncertain`, `unknown` and `plain`.
  function show(marks) {
    const crowded = marks.length > 8;
    layer.classList.toggle('boxes-crowded', crowded);
    fill(layer, marks.map((mark, index) => {
      const { left, top, right, bottom } = mark.box;
      const start = isMirrored() ? 1 - right : left;
      const box = h(onselect ? 'button' : 'div', {
        class: `box box-${mark.kind}${crowded && mark.kind !== 'known' && mark.kind !== 'uncertain' ? ' box-terse' : ''}`,
        type: onselect ? 'button' : undefined,
        // With the keyboard faces are reached through their list: dozens of stops on a picture would be in the way.
        tabindex: onselect ? '-1' : undefined,
        'aria-label': onselect ? mark.description : undefined,
        onclick: onselect ? () => onselect(index) : undefined,
      }, mark.label ? h('span', { class: `box-label${top < 0.06 ? ' box-label-below' : ''}${start > 0.7 ? ' box-label-end' : ''}` }, mark.label) : null);
      box.style.left = `${start * 100}%`;
      box.style.top = `${top * 100}%`;
      box.style.width = `${(right - left) * 100}%`;
      box.style.height = `${(bottom - top) * 100}%`;
      return box;
    }));
  }

  function select(index) {
    [...layer.children].forEach((box, i) => box.classList.toggle('box-selected', i === index));
  }

  return { element, fit, show, select };
}
