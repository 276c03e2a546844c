// API keys: who may ask, making one, taking one back.

import * as api from '../api.js';
import { confirmed, openDialog } from '../dialog.js';
import { field, fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { errorNotice, toast } from '../notices.js';
import { state } from '../state.js';
import * as words from '../words.js';

const SCOPES = [
  ['identify', 'Ask: detect, compare, identify'],
  ['enrol', 'Ask, and see and change people'],
  ['cameras', 'Look through cameras and follow their events'],
  ['admin', 'All, keys and galleries too'],
];

export function keysCard() {
  const rows = h('tbody', {});
  const trouble = h('div', {});
  const table = h('div', { class: 'table-scroll' }, h('table', {},
    h('thead', {}, h('tr', {}, ['Name', 'Scopes', 'Gallery', 'Last used', 'Expires', ''].map((title) => h('th', {}, title || h('span', { class: 'visually-hidden' }, 'Actions'))))),
    rows));
  const none = h('p', { class: 'soft', hidden: true }, 'There are no keys yet.');
  const element = h('section', { class: 'card' },
    h('div', { class: 'card-head' }, h('h2', {}, 'Keys'), h('button', { type: 'button', onclick: createKey }, icon('plus'), 'New key')),
    state.session.keys_required ? null : h('p', { class: 'soft' }, 'This server asks nobody for a key: it listens on this machine only. Keys count once it is told to ask for them.'),
    trouble, table, none);

  async function load() {
    try {
      const { keys } = await api.keys.list();
      fill(trouble);
      table.hidden = keys.length === 0;
      none.hidden = keys.length > 0;
      fill(rows, keys.map(row));
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
  }

  function row(key) {
    const isExpired = key.expires_millis && key.expires_millis < Date.now();
    const isOver = key.revoked || isExpired;
    return h('tr', { class: isOver ? 'over' : '' },
      h('td', {}, key.name),
      h('td', {}, key.scopes.join(', ')),
      h('td', {}, key.gallery ?? 'all'),
      h('td', { class: 'number' }, words.moment(key.last_used_millis)),
      h('td', { class: 'number' }, key.revoked ? 'revoked' : isExpired ? 'expired' : key.expires_millis ? words.day(key.expires_millis) : 'never'),
      h('td', { class: 'right' }, isOver ? null : h('button', { type: 'button', class: 'small danger-quiet', 'aria-label': `Revoke ${key.name}`, onclick: () => revoke(key) }, 'Revoke')));
  }

  async function revoke(key) {
    if (!await confirmed(`Revoke ${key.name}?`, 'Whoever uses this key is locked out at once. This cannot be undone.', 'Revoke')) return;
    try {
      await api.keys.revoke(key.id);
      toast(`${key.name} is revoked.`);
      await load();
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
  }

  function createKey() {
    const name = h('input', { type: 'text', required: true, maxlength: '100', autocomplete: 'off', 'data-first': true });
    const scopes = SCOPES.map(([scope, text], index) => h('label', { class: 'check' }, h('input', { type: 'radio', name: 'scope', value: scope, checked: index === 0 }), h('span', {}, h('strong', {}, scope), ` – ${text}`)));
    const gallery = h('select', {}, h('option', { value: '' }, 'all'), state.galleries.map((one) => h('option', { value: one.name }, one.name)));
    const expiry = h('select', {}, [['', 'never'], ['7', 'in a week'], ['30', 'in 30 days'], ['365', 'in a year']].map(([value, text]) => h('option', { value }, text)));
    const outcome = h('div', {});
    const close = openDialog('New key', h('form', {
      class: 'dialog-body',
      async onsubmit(event) {
        event.preventDefault();
        try {
          const made = await api.keys.add({
            name: name.value.trim(),
            scopes: [event.target.elements.scope.value],
            ...(gallery.value ? { gallery: gallery.value } : {}),
            ...(expiry.value ? { expires_in_days: Number(expiry.value) } : {}),
          });
          close();
          showOnce(made);
          await load();
        } catch (error) {
          fill(outcome, errorNotice(error));
        }
      },
    },
    field('Name', name, 'Who or what will use it.'),
    h('fieldset', {}, h('legend', {}, 'May'), scopes),
    h('div', { class: 'choices' }, field('Gallery', gallery), field('Expires', expiry)),
    outcome,
    h('div', { class: 'buttons buttons-end' }, h('button', { type: 'submit', class: 'primary' }, 'Make the key'))));
  }

  function showOnce({ name, key }) {
    const text = h('input', { type: 'text', readonly: true, value: key, class: 'secret', 'aria-label': 'The key', 'data-first': true });
    const copied = h('p', { class: 'soft', role: 'status' });
    openDialog(`The key of ${name}`, h('div', { class: 'dialog-body' },
      h('p', {}, 'It is shown this once: the server keeps only its hash. Copy it now.'),
      h('div', { class: 'secret-row' }, text, h('button', {
        type: 'button',
        class: 'primary',
        async onclick() {
          text.select();
          try {
            await navigator.clipboard.writeText(key);
            fill(copied, 'Copied.');
          } catch {
            fill(copied, 'The browser does not let this page copy: the key is selected, copy it with Ctrl+C.');
          }
        },
      }, icon('copy'), 'Copy')),
      copied));
  }

  return { element, load };
}
