// System: what the server is, does and holds.

import * as api from '../api.js';
import { h, fill } from '../dom.js';
import { errorNotice, notice } from '../notices.js';
import { can, loadModels, state } from '../state.js';
import * as words from '../words.js';
import { activityCard } from './activity.js';
import { galleriesCard } from './galleries.js';
import { keysCard } from './keys.js';

const REFRESH_MILLIS = 2000;

export function systemPage() {
  let timer = null;
  // A key of one gallery may not see to the others' keys.
  const isAdmin = can('admin') && !state.session.gallery;
  const server = h('section', { class: 'card', hidden: true });
  const work = h('section', { class: 'card', hidden: true });
  const galleries = galleriesCard(isAdmin, refresh);
  const models = h('section', { class: 'card', hidden: true });
  const trouble = h('div', {});
  const cards = isAdmin ? [keysCard(), activityCard()] : [];
  const element = h('section', { class: 'page system' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'System'),
      h('p', {}, h('a', { href: '/docs' }, 'HTTP API'), ' · ', h('a', { href: '/openapi.json' }, 'openapi.json'))),
    trouble,
    h('div', { class: 'system-cards' }, server, work, galleries.element),
    models,
    cards.length > 0 ? cards.map((card) => card.element)
      : notice('info', 'Keys and the audit log are shown to keys with the scope “admin” for all galleries.'));

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
    fill(server, h('h2', {}, 'Server'), facts([
      ['Version', system.version],
      ['Running for', words.duration(system.uptime_secs)],
      ['Backend', system.backend ?? 'loading'],
      system.threads ? ['Pictures at a time', words.whole(system.threads)] : null,
      system.memory_bytes ? ['Memory', words.bytes(system.memory_bytes)] : null,
      ['Pictures by address', system.url_input ? 'allowed' : 'not allowed'],
      ['Largest request', words.bytes(system.max_body_bytes)],
    ]));
    fill(work, h('h2', {}, 'Work'), facts([
      ['Pictures a second', `${recent.pictures_per_sec.toFixed(1)} in the last ${words.duration(recent.window_secs)}`],
      ['Queue', queueBar(queue)],
      ['Queue has room for', words.whole(queue.capacity)],
      ['Requests so far', words.whole(totals.requests)],
      ['Pictures so far', words.whole(totals.pictures)],
      ['Faces so far', words.whole(totals.faces)],
    ]));
    server.hidden = false;
    work.hidden = false;
    galleries.show(system.galleries);
  }

  function queueBar({ waiting, running, capacity }) {
    const n = waiting + running;
    const filled = h('span', { class: 'bar-fill' });
    filled.style.width = `${Math.min(100, (n / Math.max(1, capacity)) * 100)}%`;
    return h('span', {}, n > 0 ? `${running} at work, ${waiting} waiting` : 'idle',
      h('span', { class: 'similarity-bar queue-bar', role: 'img', 'aria-label': `${n} of ${capacity}` }, filled));
  }

  function facts(rows) {
    return h('dl', { class: 'facts' }, rows.filter(Boolean).map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', { class: 'number' }, value))));
  }

  function showModels({ detector, embedder, calibration, calibration_origin: origin, calibration_source: source }) {
    models.hidden = false;
    fill(models, h('h2', {}, 'Models'),
      h('div', { class: 'models' }, model('Finds faces', detector), model('Compares faces', embedder),
        h('div', {}, h('h3', {}, 'Thresholds'), source ? h('p', { class: 'soft' }, `${origin === 'own' ? 'Measured here' : 'Measured'} on ${source}.`) : null, h('div', { class: 'table-scroll' }, h('table', {},
          h('thead', {}, h('tr', {}, h('th', {}, 'False matches'), h('th', { class: 'right' }, 'Similarity'))),
          h('tbody', {}, calibration.map(({ fmr, threshold, supported }) => h('tr', {},
            h('td', {}, words.rate(fmr), supported ? null : h('small', { class: 'soft' }, ' (estimated)')),
            h('td', { class: 'right number' }, words.similarity(threshold))))))))));
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
