// The form that a server with keys shows first.

import * as api from './api.js';
import { field, fill, h } from './dom.js';
import { icon } from './icons.js';
import { errorNotice } from './notices.js';

/// `onsigned` runs once the server has taken a key.
export function signInForm(onsigned) {
  const key = h('input', { type: 'password', name: 'key', autocomplete: 'current-password', required: true, spellcheck: 'false', autocapitalize: 'off' });
  const trouble = h('div', {});
  const button = h('button', { class: 'primary', type: 'submit' }, 'Sign in');
  const form = h('form', {
    class: 'card sign-in',
    async onsubmit(event) {
      event.preventDefault();
      button.disabled = true;
      fill(trouble);
      try {
        await api.session.signIn(key.value.trim());
        onsigned();
      } catch (error) {
        fill(trouble, errorNotice(error));
        key.select();
      } finally {
        button.disabled = false;
      }
    },
  },
  h('div', { class: 'sign-in-mark' }, icon('key')),
  h('h1', { tabindex: '-1' }, 'This server asks for a key'),
  h('p', { class: 'soft' }, 'Whoever runs it makes one with ', h('code', {}, 'prosopon keys create'), '. This page does not keep the key: the browser gets a cookie in its place.'),
  field('Key', key),
  trouble,
  button);
  return { element: form, show: () => key.focus() };
}
