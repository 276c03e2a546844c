// Enrols many pictures: a few in each request, one request at a time, until all are done or it is cancelled.

import { patiently } from './patience.js';
import { state } from './state.js';

const MOST_PICTURES = 4;
const MOST_BYTES = 8 * 1024 * 1024;

/// `items`: `{file, subject, query}`; each gets a `state` (`waiting`, `sending`, `added`, `rejected`), a rejected one also
/// `reason`, `message` and `hint`. `send({subject, files, query}, {signal, onsent})` answers as enrolment does.
export function uploadOf(items, send, { onchange, onwait }) {
  let controller = null;
  const upload = { items, sentShare: 0, isRunning: false, error: null, isCancelled: false };
  for (const item of items) item.state = 'waiting';

  function nextBatch() {
    const first = items.find((item) => item.state === 'waiting');
    if (!first) return null;
    const mostBytes = Math.min(MOST_BYTES, (state.maxBodyBytes ?? Infinity) / 2);
    const batch = [];
    let bytes = 0;
    for (const item of items) {
      if (item.state !== 'waiting' || item.subject !== first.subject || item.query !== first.query) continue;
      bytes += item.file.size;
      if (batch.length > 0 && (bytes > mostBytes || batch.length === MOST_PICTURES || item.isAlone || first.isAlone)) break;
      batch.push(item);
    }
    return batch;
  }

  async function sendBatch(batch) {
    const [{ subject, query }] = batch;
    const onsent = (sent, total) => {
      upload.sentShare = total ? (sent / total) * batch.length : 0;
      onchange(upload);
    };
    const { signal } = controller;
    const answer = await patiently(() => send({ subject, query, files: batch.map((item) => item.file) }, { signal, onsent }), { signal, onwait, evenIfGone: true });
    for (const { index } of answer.added) batch[index].state = 'added';
    for (const { index, reason, message, hint } of answer.rejected) Object.assign(batch[index], { state: 'rejected', reason, message, hint });
  }

  upload.run = async () => {
    controller = new AbortController();
    Object.assign(upload, { isRunning: true, isCancelled: false, error: null });
    for (let batch = nextBatch(); batch; batch = nextBatch()) {
      for (const item of batch) item.state = 'sending';
      upload.sentShare = 0;
      onchange(upload);
      try {
        await sendBatch(batch);
      } catch (error) {
        for (const item of batch) item.state = 'waiting';
        if (error.name === 'AbortError') break;
        const isAboutPictures = [400, 413, 415, 422].includes(error.status);
        if (!isAboutPictures) {
          upload.error = error;
          break;
        }
        // One bad picture must not take the others of its request with it: they go again one by one.
        if (batch.length > 1) batch.forEach((item) => { item.isAlone = true; });
        else Object.assign(batch[0], { state: 'rejected', reason: error.code, message: error.message, hint: error.hint });
      }
    }
    upload.isRunning = false;
    upload.sentShare = 0;
    onchange(upload);
    return upload;
  };

  upload.cancel = () => {
    upload.isCancelled = true;
    controller?.abort();
  };

  return upload;
}
