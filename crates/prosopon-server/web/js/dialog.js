// Modal questions. The browser's own <dialog> keeps the focus inside and closes on Escape.

import { h, newId } from './dom.js';
import { icon } from './icons.js';

/// Opens a dialog with `content`; `onclosed` runs however it is closed. Answers with the function that closes it.
export function openDialog(title, content, { onclosed, wide } = {}) {
  const id = newId('dialog');
  const dialog = h('dialog', { 'aria-labelledby': id, class: wide ? 'dialog dialog-wide' : 'dialog' },
    h('div', { class: 'dialog-head' },
      h('h2', { id }, title),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'))),
    content);
  dialog.addEventListener('close', () => {
    dialog.remove();
    onclosed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  (dialog.querySelector('[data-first]') ?? dialog.querySelector('input, select, video')?.closest('input, select'))?.focus();
  return () => dialog.close();
}

/// Asks a question; resolves to whether it was answered with `action`.
export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    let answer = false;
    const close = openDialog(title, h('div', { class: 'dialog-body' },
      h('p', {}, text),
      h('div', { class: 'buttons buttons-end' },
        h('button', { type: 'button', onclick: () => close() }, 'Cancel'),
        h('button', { type: 'button', class: 'danger', 'data-first': true, onclick: () => { answer = true; close(); } }, action))),
    { onclosed: () => resolve(answer) });
  });
}
