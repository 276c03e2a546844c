// What a request is doing: sending, working, waiting for room.

import { fill, h } from './dom.js';
import * as words from './words.js';

/// `oncancel` gives it a button. `sent(bytes, total)` and `waiting(secs, error)` are made to be given to `api` and `patiently`.
export function progressLine(doing, oncancel) {
  const text = h('span', {}, doing);
  const meter = h('progress', { 'aria-label': doing });
  const element = h('div', { class: 'progress-line' }, meter,
    h('div', { class: 'progress-words' }, h('span', { role: 'status' }, text),
      oncancel ? h('button', { type: 'button', class: 'small', onclick: oncancel }, 'Cancel') : null));
  return {
    element,
    sent(bytes, total) {
      if (bytes < total) {
        meter.max = total;
        meter.value = bytes;
        fill(text, `Sending: ${words.bytes(bytes)} of ${words.bytes(total)}`);
      } else {
        meter.removeAttribute('value');
        fill(text, doing);
      }
    },
    waiting(secs, error) {
      meter.removeAttribute('value');
      fill(text, `${words.sentence(error.message)} Trying again in ${words.count(secs, 'second')}.`);
    },
  };
}
