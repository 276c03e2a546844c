// Gives somebody whom a camera did not know a name: the face of the event is enrolled.

import * as api from '../api.js';
import { openDialog } from '../dialog.js';
import { field, fill, h } from '../dom.js';
import { nameField } from '../name-field.js';
import { errorNotice, notice, prose, toast } from '../notices.js';
import { patiently } from '../patience.js';
import { progressLine } from '../progress.js';
import { finishAll } from '../undo.js';

/// `onnamed(name)` runs once the face is enrolled.
export function nameDialog({ event, gallery, onnamed }) {
  const { input, list } = nameField({ name: 'subject', 'data-first': true }, () => gallery);
  const outcome = h('div', {});
  const button = h('button', { type: 'submit', class: 'primary' }, 'Enrol');
  const close = openDialog('Who is this?', h('form', {
    class: 'dialog-body',
    onsubmit(submitted) {
      submitted.preventDefault();
      send({});
    },
  },
  h('div', { class: 'name-face' },
    h('img', { class: 'name-crop', src: api.events.cropAddress(event.id), alt: 'The face of the event' }),
    h('div', { class: 'name-words' }, field('Name', input, 'A name that is known already gets one more face.'), list)),
  outcome,
  h('div', { class: 'buttons buttons-end' }, button)));

  async function send({ allowConflict }) {
    const subject = input.value.trim();
    if (!subject) return;
    const progress = progressLine('Enrolling…');
    button.disabled = true;
    fill(outcome, progress.element);
    try {
      await finishAll();
      const crop = new File([await api.events.crop(event.id)], `event ${event.sequence}.jpg`, { type: 'image/jpeg' });
      const query = { subject, faces: 'largest', allow_conflict: allowConflict ? 'true' : null };
      const enrolment = await patiently(() => api.galleries.enrol(gallery, [crop], query, { onsent: progress.sent }), { onwait: progress.waiting });
      if (enrolment.added.length > 0) {
        close();
        toast(`${enrolment.subject} is enrolled. The camera knows the face from now on.`);
        onnamed(enrolment.subject);
        return;
      }
      fill(outcome, refusal(enrolment.rejected[0]));
    } catch (error) {
      fill(outcome, errorNotice(error));
    } finally {
      button.disabled = false;
    }
  }

  function refusal(rejected) {
    const isConflict = rejected.reason === 'looks_like_another_subject';
    return notice('warning', prose(rejected.message), rejected.hint && !isConflict ? h('p', {}, prose(rejected.hint)) : null,
      isConflict ? h('div', { class: 'buttons' }, h('button', { type: 'button', onclick: () => send({ allowConflict: true }) }, `Enrol as ${input.value.trim()} all the same`)) : null);
  }
}
