// System: what the server is, does and holds.

import * as api from '../api.js';
import { h, fill } from '../dom.js';
import { errorNotice, notice } from '../notices.js';
import { can, loadModels, state } from '../state.js';
import * as words from '../words.js';
import { activityCard } from './activity.js';
import { keysCard } from './keys.js';

const REFRESH_MILLIS = 2000;

export function systemPage() {
  let timer = null;
  const live = h('div', { class: 'system-cards' });
  const models = h('div', {});
  const admin = h('div', { class: 'system-admin' });
  const trouble = h('div', {});
  const element = h('section', { class: 'page system' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'System'),
      h('p', {}, h('a', { href: '/docs' }, 'HTTP API'), ' · ', h('a', { href: '/openapi.json' }, 'openapi.json'))),
    trouble, live, models, admin);
  // A key of one gallery may not see to the others' keys.
  const isAdmin = can('admin') && !state.session.gallery;
  const cards = isAdmin ? [keysCard(), activityCard()] : [];
  fill(admin, cards.length > 0 ? cards.map((card) => card.element) : notice('info', 'Keys and the audit log are shown to keys with the scope “admin” for all galleries.'));

  async function refresh() {
    if (document.hidden) return;
    try {
      const system = await api.server.system();
      show(system);
      fill(trouble, system.backend ? null : notice('info', 'The models are being loaded.', 'Until that is done, pictures wait.'));
      if (system.backend && models.childElementCount === 0) showModels(await loadModels());
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
  }

  function show(system) {
    const { queue, totals, recent } = system;
    const isBusy = queue.waiting + queue.running > 0;
    const full = h('span', { class: 'bar-fill' });
    full.style.width = `${Math.min(100, ((queue.waiting + queue.running) / Math.max(1, queue.capacity)) * 100)}%`;
    fill(live,
      card('Server', [
        ['Version', system.version],
        ['Running for', words.duration(system.uptime_secs)],
        ['Backend', system.backend ?? 'loading'],
        system.threads ? ['Pictures at a time', words.whole(system.threads)] : null,
        system.memory_bytes ? ['Memory', words.bytes(system.memory_bytes)] : null,
        ['Pictures by address', system.url_input ? 'allowed' : 'not allowed'],
        ['Largest request', words.bytes(system.max_body_bytes)],
      ]),
      card('Work', [
        ['Pictures a second', `${recent.pictures_per_sec.toFixed(1)} in the last ${words.duration(recent.window_secs)}`],
        ['Queue', h('span', {}, isBusy ? `${queue.running} at work, ${queue.waiting} waiting` : 'idle', h('span', { class: 'similarity-bar queue-bar', role: 'img', 'aria-label': `${queue.waiting + queue.running} of ${queue.capacity}` }, full))],
        ['Queue has room for', words.whole(queue.capacity)],
        ['Requests so far', words.whole(totals.requests)],
        ['Pictures so far', words.whole(totals.pictures)],
        ['Faces so far', words.whole(totals.faces)],
      ]),
      h('section', { class: 'card' }, h('h2', {}, 'Galleries'),
        h('div', { class: 'table-scroll' }, h('table', {},
          h('thead', {}, h('tr', {}, h('th', {}, 'Name'), h('th', { class: 'right' }, 'People'), h('th', { class: 'right' }, 'Faces'))),
          h('tbody', {}, system.galleries.map((gallery) => h('tr', {},
            h('td', {}, gallery.name, gallery.is_default ? h('small', { class: 'soft' }, ' (default)') : null),
            h('td', { class: 'right number' }, words.whole(gallery.subjects)),
            h('td', { class: 'right number' }, words.whole(gallery.faces)))))))));
  }

  function card(title, rows) {
    return h('section', { class: 'card' }, h('h2', {}, title),
      h('dl', { class: 'facts' }, rows.filter(Boolean).map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', { class: 'number' }, value)))));
  }

  function showModels({ detector, embedder, calibration }) {
    fill(models, h('section', { class: 'card' }, h('h2', {}, 'Models'),
      h('div', { class: 'models' }, model('Finds faces', detector), model('Compares faces', embedder),
        h('div', {}, h('h3', {}, 'Thresholds'), h('div', { class: 'table-scroll' }, h('table', {},
          h('thead', {}, h('tr', {}, h('th', {}, 'False matches'), h('th', { class: 'right' }, 'Similarity'))),
          h('tbody', {}, (calibration ?? []).map(({ fmr, threshold, supported }) => h('tr', {},
            h('td', {}, words.rate(fmr), supported ? null : h('small', { class: 'soft' }, ' (estimated)')),
            h('td', { class: 'right number' }, words.similarity(threshold)))))))))));
  }

  function model(title, { id, permitted_use: use, licences }) {
    return h('div', {}, h('h3', {}, title), h('p', {}, h('code', {}, id)),
      h('dl', { class: 'facts' },
        h('div', {}, h('dt', {}, 'May be used for'), h('dd', {}, use)),
        licences.map(({ source, licence }) => h('div', {}, h('dt', {}, source), h('dd', {}, licence)))));
  }

  return {
    element,
    show() {
      refresh();
      for (const one of cards) one.load();
      timer = setInterval(refresh, REFRESH_MILLIS);
    },
    hide() {
      clearInterval(timer);
    },
  };
}
