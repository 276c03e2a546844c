// The button that goes round system, light and dark.

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { store, storedChoice } from './state.js';

const NEXT = { system: 'light', light: 'dark', dark: 'system' };
const ICONS = { system: 'half', light: 'sun', dark: 'moon' };

export function themeSwitch() {
  let theme = storedChoice('theme') ?? 'system';
  const button = h('button', {
    class: 'icon-button',
    type: 'button',
    onclick() {
      theme = NEXT[theme];
      store('theme', theme === 'system' ? null : theme);
      show();
    },
  });
  const show = () => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.setAttribute('aria-label', `Theme: ${theme}. Change to ${NEXT[theme]}`);
    button.title = `Theme: ${theme}`;
    fill(button, icon(ICONS[theme]));
  };
  show();
  return button;
}
