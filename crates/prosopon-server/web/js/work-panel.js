// How far a long piece of work is, and a button that ends it.

import { fill, h } from './dom.js';
import { errorNotice, notice } from './notices.js';
import * as words from './words.js';

/// Fills `place` with the panel while `begin(panel)` goes on, and resolves to what that gives: null if it failed or was cancelled, of
/// which a notice is left. `below` is shown under the words. `begin` tells by `panel.say(words, done, total)` and
/// `panel.waiting(secs, error)` how it stands, stops at `panel.signal`, and may change `panel.heading`.
export async function withPanel(place, title, begin, below = null) {
  const controller = new AbortController();
  const text = h('p', { class: 'number', role: 'status' }, 'Beginning …');
  const meter = h('progress', { 'aria-label': title });
  const heading = h('h2', {}, title);
  const panel = {
    heading,
    signal: controller.signal,
    say(words_, done, total) {
      fill(text, words_);
      if (total) {
        meter.max = total;
        meter.value = done;
      } else {
        meter.removeAttribute('value');
      }
    },
    waiting: (secs, error) => fill(text, `${words.sentence(error.message)} Trying again in ${words.count(secs, 'second')}.`),
  };
  fill(place, h('section', { class: 'card upload', 'aria-label': title },
    h('div', { class: 'upload-head' }, heading, h('button', { type: 'button', onclick: () => controller.abort() }, 'Cancel')),
    meter, text, below));
  try {
    const done = await begin(panel);
    fill(place);
    return done;
  } catch (error) {
    fill(place, error.name === 'AbortError' ? notice('info', 'Cancelled.') : errorNotice(error));
    return null;
  }
}
