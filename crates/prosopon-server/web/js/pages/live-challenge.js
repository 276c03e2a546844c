// Asks whoever is in front of the camera to do something that no recording can know beforehand.

import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { errorNotice } from '../notices.js';

const STEPS = {
  blink: 'Blink',
  turn_left: 'Turn your head to your left',
  turn_right: 'Turn your head to your right',
};

const REASONS = {
  too_slow: 'That took too long.',
  wrong_way: 'The head was turned the other way.',
  face_lost: 'There was no face any more, or more than one.',
  other_person: 'The face became another one.',
};

/// `begin()` starts a challenge in the session; none if there is no session.
export function challengePanel({ begin }) {
  let shown = '';
  const button = h('button', { type: 'button', hidden: true, onclick: start }, icon('person'), 'Check liveness');
  const element = h('div', { class: 'challenge', role: 'status', 'aria-live': 'polite', hidden: true });

  async function start() {
    button.disabled = true;
    try {
      const answer = await begin();
      if (answer) tell(answer.challenge);
    } catch (error) {
      shown = 'error';
      element.hidden = false;
      fill(element, errorNotice(error));
    } finally {
      button.disabled = false;
    }
  }

  /// Shows how the challenge stands.
  function tell(challenge) {
    const now = JSON.stringify(challenge ?? null);
    if (!challenge || now === shown) return;
    shown = now;
    element.hidden = false;
    element.className = `challenge challenge-${challenge.state}`;
    if (challenge.state === 'waiting') {
      fill(element, h('p', { class: 'challenge-step' }, STEPS[challenge.step] ?? challenge.step),
        h('progress', { value: challenge.n_done, max: String(challenge.n_steps), 'aria-label': 'Steps done' }),
        h('p', { class: 'soft' }, `Step ${challenge.n_done + 1} of ${challenge.n_steps}. One face in the picture, looking ahead before each turn.`));
    } else if (challenge.state === 'passed') {
      fill(element, h('p', { class: 'challenge-step' }, icon('check'), 'Alive'), h('p', { class: 'soft' }, 'All steps were done by the same face.'));
    } else {
      fill(element, h('p', { class: 'challenge-step' }, icon('warning'), 'Not shown to be alive'),
        h('p', { class: 'soft' }, REASONS[challenge.reason] ?? challenge.reason), h('button', { type: 'button', class: 'small', onclick: start }, 'Try again'));
    }
  }

  function hide() {
    button.hidden = true;
    element.hidden = true;
    shown = '';
  }

  return { button, element, tell, hide, show() { button.hidden = false; } };
}
