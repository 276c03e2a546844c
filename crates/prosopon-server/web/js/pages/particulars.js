// What else is kept about a person: the id in another system, and free pairs of key and value.

import { field, fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { errorNotice, notice } from '../notices.js';

const asText = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

export function particularsForm(subject, change) {
  const before = subject.metadata ?? {};
  const externalId = h('input', { type: 'text', value: subject.external_id ?? '', maxlength: '200', autocomplete: 'off' });
  const rows = h('div', { class: 'pairs-edit' });
  const outcome = h('div', {});
  for (const [key, value] of Object.entries(before)) rows.append(row(key, value));

  function row(key = '', value = '') {
    const element = h('div', { class: 'pair-edit' },
      h('input', { type: 'text', class: 'pair-key', value: key, placeholder: 'Key', 'aria-label': 'Key' }),
      h('input', { type: 'text', class: 'pair-value', value: asText(value), placeholder: 'Value', 'aria-label': 'Value' }),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': `Remove ${key || 'this pair'}`, onclick: () => { element.remove(); add.focus(); } }, icon('close')));
    return element;
  }

  function metadata() {
    const pairs = {};
    for (const element of rows.children) {
      const key = element.querySelector('.pair-key').value.trim();
      const text = element.querySelector('.pair-value').value;
      // A value that was not touched keeps its type; what is typed here is text.
      if (key) pairs[key] = key in before && asText(before[key]) === text ? before[key] : text;
    }
    return pairs;
  }

  const add = h('button', {
    type: 'button',
    onclick() {
      const element = row();
      rows.append(element);
      element.querySelector('input').focus();
    },
  }, icon('plus'), 'Add a pair');

  const form = h('form', {
    class: 'card particulars',
    async onsubmit(event) {
      event.preventDefault();
      try {
        await change({ external_id: externalId.value.trim() || null, metadata: metadata() });
        fill(outcome, notice('good', 'Saved.'));
      } catch (error) {
        fill(outcome, errorNotice(error));
      }
    },
  },
  h('h2', {}, 'Particulars'),
  field('External id', externalId, 'What another system calls this person.'),
  rows, h('div', { class: 'buttons' }, add, h('button', { type: 'submit', class: 'primary' }, 'Save')), outcome);
  return form;
}
