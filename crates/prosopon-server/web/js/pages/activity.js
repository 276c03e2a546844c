// The audit log: who did what to whom, and how it went.

import * as api from '../api.js';
import { fill, h } from '../dom.js';
import { errorNotice } from '../notices.js';
import * as words from '../words.js';

const PAGE_SIZE = 10;

export function activityCard() {
  let next = null;
  const rows = h('tbody', {});
  const trouble = h('div', {});
  const table = h('div', { class: 'table-scroll' }, h('table', {},
    h('thead', {}, h('tr', {}, ['When', 'Who', 'What', 'Gallery', 'Subject', 'Outcome'].map((title) => h('th', {}, title)))), rows));
  const none = h('p', { class: 'soft', hidden: true }, 'Nothing is recorded yet.');
  const more = h('button', { type: 'button', hidden: true, onclick: () => load({ isMore: true }) }, 'Show earlier');
  const element = h('section', { class: 'card' }, h('h2', {}, 'Audit log'), trouble, none, table, more);

  async function load({ isMore = false } = {}) {
    try {
      const page = await api.server.audit({ limit: PAGE_SIZE, after: isMore ? next : null });
      fill(trouble);
      next = page.next;
      if (!isMore) fill(rows);
      rows.append(...page.entries.map((entry) => h('tr', {},
        h('td', { class: 'number' }, words.moment(entry.at_millis)),
        h('td', {}, entry.key ?? entry.address ?? '–'),
        h('td', {}, entry.action),
        h('td', {}, entry.gallery ?? '–'),
        h('td', {}, entry.subject ?? '–'),
        h('td', {}, entry.outcome))));
      more.hidden = !next;
      table.hidden = rows.childElementCount === 0;
      none.hidden = rows.childElementCount > 0;
    } catch (error) {
      fill(trouble, errorNotice(error));
    }
  }

  return { element, load };
}
