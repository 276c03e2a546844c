// Starts the page: finds out whether a key is needed, then shows the page that the address names (`#/people/3`).

import * as api from './api.js';
import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { errorNotice, notice } from './notices.js';
import { classicPage } from './pages/classic.js';
import { comparePage } from './pages/compare.js';
import { evaluatePage } from './pages/evaluate.js';
import { identifyPage } from './pages/identify.js';
import { livePage } from './pages/live.js';
import { peoplePage } from './pages/people.js';
import { photosPage } from './pages/photos.js';
import { systemPage } from './pages/system.js';
import { trainPage } from './pages/train.js';
import { signInForm } from './sign-in.js';
import { can, loadServer, loadSession, mustSignIn, state } from './state.js';
import { themeSwitch } from './theme-switch.js';
import { finishAll } from './undo.js';

const PAGES = [
  { name: 'identify', title: 'Identify', make: identifyPage, scope: 'identify' },
  { name: 'compare', title: 'Compare', make: comparePage, scope: 'identify' },
  { name: 'people', title: 'People', make: peoplePage, scope: 'enrol' },
  { name: 'photos', title: 'Photos', make: photosPage, scope: 'enrol' },
  { name: 'live', title: 'Live', make: livePage, scope: 'identify', or: 'cameras' },
  { name: 'classic', title: 'Classic', make: classicPage, scope: 'identify' },
  { name: 'train', title: 'Train', make: trainPage, scope: 'identify' },
  { name: 'evaluate', title: 'Evaluate', make: evaluatePage, scope: 'admin' },
  { name: 'system', title: 'System', make: systemPage, scope: 'identify' },
];

const content = document.getElementById('content');
const tabs = document.getElementById('tabs');
const barEnd = document.getElementById('bar-end');
const banner = document.getElementById('banner');

// Pages are kept once made: a picture that is being looked at is still there after a look at another page.
const made = new Map();
let shown = null;

const isAllowed = ({ scope, or }) => can(scope) || (or !== undefined && can(or));

function makePage(definition) {
  if (isAllowed(definition)) return definition.make();
  const element = h('section', { class: 'page' }, h('h1', { tabindex: '-1' }, definition.title),
    notice('info', 'Your key does not allow this.', `It needs the scope “${definition.scope}”; yours has: ${state.session.scopes.join(', ') || 'none'}.`));
  return { element };
}

function showPage({ isFirst = false } = {}) {
  const [name, ...rest] = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  const definition = PAGES.find((page) => page.name === name) ?? PAGES.find(isAllowed) ?? PAGES[0];
  let page = made.get(definition.name);
  if (!page) {
    page = makePage(definition);
    made.set(definition.name, page);
  }
  if (shown && shown !== page) shown.hide?.();
  shown = page;
  fill(content, page.element);
  for (const tab of tabs.children) {
    if (tab.dataset.name === definition.name) {
      tab.setAttribute('aria-current', 'page');
      // On a narrow screen the tabs are wider than it.
      tab.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else tab.removeAttribute('aria-current');
  }
  document.title = `${definition.title} · Prosopon`;
  page.show?.(rest);
  // A change of page is told to a screen reader by moving the focus to its heading.
  if (!isFirst) {
    scrollTo(0, 0);
    page.element.querySelector('h1')?.focus();
  }
}

async function signOut() {
  await finishAll();
  try {
    await api.session.signOut();
  } catch (error) {
    if (error.status !== 401) return fill(banner, errorNotice(error));
  }
  startAfresh();
}

function showBar() {
  const { session } = state;
  fill(tabs, mustSignIn() ? [] : PAGES.filter(isAllowed).map(({ name, title }) => h('a', { href: `#/${name}`, 'data-name': name }, title)));
  // Without a key (on a server that asks for none) there is nobody to name and nothing to sign out of.
  const isSignedIn = session.signed_in && session.name;
  fill(barEnd,
    isSignedIn && h('span', { class: 'who', title: `Scopes: ${session.scopes.join(', ')}` }, session.name),
    isSignedIn && h('button', { class: 'icon-button', type: 'button', 'aria-label': 'Sign out', title: 'Sign out', onclick: signOut }, icon('leave')),
    themeSwitch());
}

// Whoever comes next finds nothing in memory of whoever was here before.
const startAfresh = () => location.reload();

async function start() {
  try {
    await loadSession();
  } catch (error) {
    fill(tabs);
    fill(barEnd, themeSwitch());
    fill(content, h('section', { class: 'page' }, h('h1', { tabindex: '-1' }, 'Prosopon'), errorNotice(error,
      h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: start }, 'Try again')))));
    return;
  }
  showBar();
  if (mustSignIn()) {
    document.title = 'Sign in · Prosopon';
    const form = signInForm(startAfresh);
    fill(content, form.element);
    form.show();
    return;
  }
  await loadServer();
  showPage({ isFirst: true });
}

addEventListener('hashchange', () => {
  if (shown) showPage();
});

// A file that misses its target would otherwise replace the page.
for (const kind of ['dragover', 'drop']) addEventListener(kind, (event) => event.preventDefault());

api.signals.addEventListener('unauthorised', () => {
  // The key was revoked or has expired. A wrong key in the sign-in form is said there.
  if (state.session?.signed_in) startAfresh();
});

api.signals.addEventListener('unreachable', () => {
  fill(banner, h('div', { class: 'banner' }, icon('warning'), h('span', {}, 'The server does not answer. This page looks for it every few seconds.')));
  const timer = setInterval(async () => {
    try {
      await api.server.isLive();
    } catch (error) {
      if (error.isUnreachable) return;
    }
    clearInterval(timer);
  }, 3000);
});

api.signals.addEventListener('reachable', () => {
  fill(banner);
  if (!state.session) start();
});

start();
