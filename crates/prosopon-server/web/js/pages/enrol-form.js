// Gives a face of the picture a name: adds it to the gallery.

import * as api from '../api.js';
import { field, fill, h } from '../dom.js';
import { nameField } from '../name-field.js';
import { errorNotice, notice, prose } from '../notices.js';
import { patiently } from '../patience.js';
import { pointOn } from '../picture.js';
import { progressLine } from '../progress.js';
import { finishAll } from '../undo.js';

export function enrolForm({ file, answer, face, isKnown, onenrolled }) {
  const { input, list } = nameField({ name: 'subject', value: isKnown ? face.identification.subject : '' });
  const outcome = h('div', {});
  const button = h('button', { type: 'submit', class: isKnown ? '' : 'primary' }, 'Enrol');
  const form = h('form', {
    class: 'enrol-form',
    onsubmit(event) {
      event.preventDefault();
      send({});
    },
  },
  field(isKnown ? 'Name' : 'Who is this?', input, isKnown ? null : 'A name that is known already gets one more face.'), list, button, outcome);

  async function send({ allowConflict }) {
    const subject = input.value.trim();
    if (!subject) return;
    const { x, y } = pointOn(face, answer);
    const progress = progressLine('Enrolling…');
    button.disabled = true;
    fill(outcome, progress.element);
    try {
      const query = { subject, face_at: `${x.toFixed(1)},${y.toFixed(1)}`, allow_conflict: allowConflict ? 'true' : null };
      // Who was deleted just now and is enrolled again must not be deleted afterwards.
      await finishAll();
      const enrolment = await patiently(() => api.galleries.enrol(answer.gallery, [file], query, { onsent: progress.sent }), { onwait: progress.waiting });
      if (enrolment.added.length > 0) return onenrolled(enrolment);
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

  return form;
}
