// Words about what happened: in the place where it happened, or in a corner for a few seconds.

import { h } from './dom.js';
import { icon } from './icons.js';
import { sentence } from './words.js';

const ICONS = { error: 'warning', warning: 'warning', good: 'check', info: 'question' };

export function notice(kind, title, ...more) {
  return h('div', { class: `notice notice-${kind}`, role: kind === 'error' ? 'alert' : 'status' },
    icon(ICONS[kind]),
    h('div', {}, h('p', { class: 'notice-title' }, title), more.filter(Boolean).map((line) => (line instanceof Node ? line : h('p', {}, line)))));
}

/// The server's words as a sentence; what stands between backquotes is a name or something to type.
export function prose(text) {
  return sentence(text).split('`').map((part, index) => (index % 2 === 1 ? h('code', {}, part) : part));
}

/// An error as the server words it: what is wrong, what to do, and where its log tells more.
export function errorNotice(error, ...more) {
  if (error.name !== 'ApiError') console.error(error);
  return notice('error', prose(error.message), error.hint ? h('p', {}, prose(error.hint)) : null,
    error.requestId && error.status >= 500 ? h('small', { class: 'soft' }, 'Request ', h('code', {}, error.requestId)) : null, ...more);
}

/// A note in the corner. With `action` it has a button; answers with a function that removes it.
export function toast(text, { action, onaction, secs = 6 } = {}) {
  const element = h('div', { class: 'toast' }, h('span', {}, text));
  const remove = () => {
    clearTimeout(timer);
    element.remove();
  };
  if (action) {
    element.append(h('button', { class: 'toast-action', type: 'button', onclick: () => { remove(); onaction(); } }, action));
  }
  element.append(h('button', { class: 'toast-close', type: 'button', 'aria-label': 'Close this note', onclick: () => element.remove() }, icon('close')));
  document.getElementById('toasts').append(element);
  const timer = setTimeout(remove, secs * 1000);
  return remove;
}
