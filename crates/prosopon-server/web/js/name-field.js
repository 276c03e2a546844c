// A field for a person's name that suggests the names that are known already.

import * as api from './api.js';
import { debounced, fill, h, newId } from './dom.js';
import { state } from './state.js';

/// `gallery` gives the name of the gallery whose people are suggested.
export function nameField(attributes = {}, gallery = () => state.gallery) {
  const list = h('datalist', { id: newId('names') });
  const input = h('input', { type: 'text', list: list.id, required: true, maxlength: '200', autocomplete: 'off', spellcheck: 'false', ...attributes });
  let latest = 0;
  const suggest = async () => {
    const turn = ++latest;
    try {
      const { subjects } = await api.subjects.list(gallery(), { search: input.value.trim(), limit: 20 });
      if (turn === latest) fill(list, subjects.map(({ name }) => h('option', { value: name })));
    } catch {
      // Suggestions are a convenience; the form itself says what is wrong.
    }
  };
  input.addEventListener('input', debounced(suggest));
  input.addEventListener('focus', suggest, { once: true });
  return { input, list };
}
