// Sends the pictures of an evaluation, a few in each request, and waits for its figures.

import * as api from '../api.js';
import { patiently, sleep } from '../patience.js';
import { state } from '../state.js';
import * as words from '../words.js';

const MOST_PICTURES = 8;
const MOST_BYTES = 8 * 1024 * 1024;
const POLL_SECS = 0.4;

const running = new Set();

// Leaving the page would end it: the browser asks first.
addEventListener('beforeunload', (event) => {
  if (running.size > 0) event.preventDefault();
});

/// A few items at a time, so that each request stays small.
export function* batches(items) {
  const mostBytes = Math.min(MOST_BYTES, (state.maxBodyBytes ?? Infinity) / 2);
  let batch = [];
  let bytes = 0;
  for (const item of items) {
    if (batch.length > 0 && (batch.length === MOST_PICTURES || bytes + item.file.size > mostBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += item.file.size;
  }
  if (batch.length > 0) yield batch;
}

/// Sends `items` (`{file, name}`), and gives the evaluation once it has ended. `panel`: `{signal, say(words, done, total),
/// waiting(secs, error)}`.
export async function sendEvaluation(items, panel) {
  const { signal, waiting: onwait } = panel;
  const again = { signal, onwait, evenIfGone: true };
  const total = items.length;
  const evaluation = await patiently(() => api.evaluations.begin(), { signal, onwait });
  running.add(evaluation);
  const unsendable = [];
  let done = 0;
  try {
    const send = (some) => patiently(() => api.evaluations.addPictures(evaluation.id, some, {
      signal,
      onsent: (bytes, all) => panel.say(`${words.whole(done)} of ${words.count(total, 'picture')}`, done + (all ? (bytes / all) * some.length * 0.5 : 0), total),
    }), again);
    panel.say(`0 of ${words.count(total, 'picture')}`, 0, total);
    for (const batch of batches(items)) {
      try {
        await send(batch);
      } catch (error) {
        if (error.status !== 413 && error.status !== 400) throw error;
        // One picture that is too large must not take the others of its request with it.
        for (const item of batch) await send([item]).catch((one) => unsendable.push(tell(one, item)));
      }
      done += batch.length;
      panel.say(`${words.whole(done)} of ${words.count(total, 'picture')}`, done, total);
    }
    const ended = await followEvaluation(await api.evaluations.finish(evaluation.id), panel);
    return { ...ended, unusable: [...unsendable, ...ended.unusable], n_unusable: ended.n_unusable + unsendable.length };
  } catch (error) {
    // What nobody waits for takes up a place.
    await api.evaluations.remove(evaluation.id).catch(() => {});
    throw error;
  } finally {
    running.delete(evaluation);
  }
}

/// A picture that could not be sent, as the server tells of those that it could not use.
export function tell(error, { name }) {
  if (error.name === 'AbortError' || ![400, 413].includes(error.status)) throw error;
  return { name, reason: error.code, message: error.message };
}

/// Waits until an evaluation has ended, and gives it.
export async function followEvaluation(begun, panel) {
  const { signal } = panel;
  let evaluation = begun;
  try {
    for (;;) {
      const { stage, done, total } = evaluation;
      if (stage === 'done' || stage === 'failed') return stage === 'done' && !evaluation.result ? await api.evaluations.get(begun.id, signal) : evaluation;
      if (stage === 'reading') panel.say(`${words.whole(done)} of ${words.count(total ?? 0, 'picture')}`, done, total);
      else panel.say(`${words.count(done, 'picture')} done. Comparing all with all …`);
      await sleep(POLL_SECS, signal);
      evaluation = await patiently(() => api.evaluations.get(begun.id, signal), { signal, onwait: panel.waiting, evenIfGone: true });
    }
  } catch (error) {
    if (error.name === 'AbortError') await api.evaluations.remove(begun.id).catch(() => {});
    throw error;
  }
}
