// One face of the picture: who it is, why, who else comes close, and a form to give it a name.

import { fill, h } from '../dom.js';
import { icon, OUTCOME_ICONS } from '../icons.js';
import { portrait } from '../portrait.js';
import { cropOf } from '../picture.js';
import { similarityBar } from '../similarity-bar.js';
import { can } from '../state.js';
import { whyIdentified } from '../why.js';
import * as words from '../words.js';
import { enrolForm } from './enrol-form.js';

export function facePanel({ onstep, onenrolled }) {
  const position = h('span', { class: 'number' });
  const stepper = h('div', { class: 'stepper' },
    h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Previous face', title: 'Previous face (←)', onclick: () => onstep(-1) }, icon('previous')),
    position,
    h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Next face', title: 'Next face (→)', onclick: () => onstep(1) }, icon('next')));
  const body = h('div', { class: 'face-body' });
  const element = h('aside', { class: 'card face-panel', 'aria-label': 'The selected face' }, stepper, body);

  function show({ file, picture, answer, index }) {
    const face = answer.faces[index];
    const { identification } = face;
    const isKnown = identification.outcome === 'known';
    const n = answer.faces.length;
    fill(position, `Face ${index + 1} of ${n}`);
    for (const button of stepper.querySelectorAll('button')) button.disabled = n < 2;

    const box = face.bounding_box;
    const size = `${Math.round(box.right - box.left)} × ${Math.round(box.bottom - box.top)}`;
    fill(body,
      h('div', { class: 'face-head' },
        cropOf(picture, face, 96, 'The face'),
        h('div', { 'aria-live': 'polite' },
          h('h2', { class: `verdict verdict-${identification.outcome}`, tabindex: '-1' },
            icon(OUTCOME_ICONS[identification.outcome]), h('span', {}, isKnown ? identification.subject : capital(words.who(identification)))),
          h('p', { class: 'soft number' }, `${size} pixels · detector’s confidence ${face.confidence.toFixed(2)}`))),
      h('p', { class: 'why' }, whyIdentified(identification)),
      candidates(answer, identification),
      enrolPart({ file, answer, face, isKnown }));
  }

  function enrolPart({ file, answer, face, isKnown }) {
    if (!can('enrol')) return null;
    const form = enrolForm({ file, answer, face, isKnown, onenrolled: (enrolment) => onenrolled(enrolment, face) });
    // A known face needs no name; the form is there for whoever wants to add the picture or correct the name.
    return isKnown ? h('details', {}, h('summary', {}, 'Enrol this face too'), form) : form;
  }

  return {
    element,
    show,
    focus: () => body.querySelector('h2')?.focus(),
  };
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function candidates(answer, { candidates: list, threshold, uncertain_threshold: lower }) {
  if (list.length === 0) return null;
  return h('div', { class: 'candidates' },
    h('h3', {}, list.length === 1 ? 'Closest person' : 'Closest people'),
    h('ol', {}, list.map((candidate) => h('li', { class: candidate.accepted ? 'accepted' : '' },
      can('enrol') ? portrait(answer.gallery, candidate.face_id, candidate.subject, 'small') : null,
      h('span', { class: 'candidate-name' }, candidate.subject),
      h('span', { class: 'number candidate-number' }, words.similarity(candidate.similarity)),
      similarityBar(candidate.similarity, threshold, lower)))),
    h('p', { class: 'soft legend' }, h('span', { class: 'legend-mark' }), `threshold ${words.similarity(threshold)}${lower === null ? '' : `, uncertain from ${words.similarity(lower)}`}`));
}
