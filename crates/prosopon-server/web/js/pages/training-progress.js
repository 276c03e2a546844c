// Sends the pictures of a training, a few in each request, lets it learn, and follows it.

import * as api from '../api.js';
import { patiently, sleep } from '../patience.js';
import * as words from '../words.js';
import { batches, tell } from './evaluation-progress.js';

const POLL_SECS = 0.4;

const running = new Set();

// Leaving the page would end it while pictures are sent: the browser asks first.
addEventListener('beforeunload', (event) => {
  if (running.size > 0) event.preventDefault();
});

/// Trains on `items` (`{file, name}`) as `wanted` says, and gives the training once it has ended. `panel`: `{signal,
/// say(words, done, total), show(training), waiting(secs, error)}`.
export async function sendTraining(wanted, items, panel) {
  const { signal, waiting: onwait } = panel;
  const again = { signal, onwait, evenIfGone: true };
  const total = items.length;
  const training = await patiently(() => api.trainings.begin(wanted), { signal, onwait });
  running.add(training);
  const unsendable = [];
  let done = 0;
  try {
    const say = (more = 0) => panel.say(`Looking at pictures: ${words.whole(done)} of ${words.whole(total)}`, done + more, total);
    const send = (some) => patiently(() => api.trainings.addPictures(training.id, some, { signal, onsent: (bytes, all) => say(all ? (bytes / all) * some.length * 0.5 : 0) }), again);
    say();
    for (const batch of batches(items)) {
      try {
        await send(batch);
      } catch (error) {
        if (error.status !== 400 && !(error.status === 413 && error.code !== 'training_too_large')) throw error;
        // One picture that is too large must not take the others of its request with it.
        for (const item of batch) await send([item]).catch((one) => unsendable.push(tell(one, item)));
      }
      done += batch.length;
      say();
    }
    await api.trainings.start(training.id);
  } catch (error) {
    // What nobody waits for is in the way of the next one.
    await api.trainings.remove(training.id).catch(() => {});
    throw error;
  } finally {
    running.delete(training);
  }
  const ended = await followTraining(training, panel);
  return { ...ended, unusable: [...unsendable, ...ended.unusable], n_unusable: ended.n_unusable + unsendable.length };
}

/// Waits until a training has ended, and gives it. Giving up ends the training.
export async function followTraining(begun, panel) {
  const { signal } = panel;
  let training = begun;
  try {
    for (;;) {
      training = await patiently(() => api.trainings.get(begun.id, signal), { signal, onwait: panel.waiting, evenIfGone: true });
      panel.show(training);
      const { stage, done, total, doing, step, steps } = training;
      if (stage === 'done' || stage === 'failed') return training;
      if (stage === 'reading') panel.say(`Looking at pictures: ${words.whole(done)} of ${words.whole(total ?? 0)}`, done, total);
      else panel.say(`${words.sentence(doing).replace(/\.$/, '')}${steps ? `: ${step} of ${steps}` : ' …'}`, step, steps);
      await sleep(POLL_SECS, signal);
    }
  } catch (error) {
    if (error.name === 'AbortError') await api.trainings.remove(begun.id).catch(() => {});
    throw error;
  }
}
