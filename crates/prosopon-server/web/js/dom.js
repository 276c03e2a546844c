// Builds elements. Text is always set as text, never parsed as markup: names come from people.

const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'selected', 'indeterminate', 'srcObject', 'muted']);

/// `h('button', {class: 'quiet', onclick: save, 'aria-label': 'Save'}, 'Save')`
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false && !PROPERTIES.has(name)) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/// Replaces what is in `element`.
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

let lastId = 0;
/// An id for `for`, `list` and `aria-…` attributes.
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/// A label above a field.
export function field(label, control, help) {
  control.id ||= newId('field');
  let note = null;
  if (help) {
    note = h('small', { class: 'soft', id: newId('help') }, help);
    control.setAttribute('aria-describedby', note.id);
  }
  return h('div', { class: 'field' }, h('label', { for: control.id }, label), control, note);
}

/// Calls `action` once nothing more came for `millis`.
export function debounced(action, millis = 250) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), millis);
  };
}
