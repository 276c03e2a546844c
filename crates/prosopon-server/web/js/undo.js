// Deletions that can be taken back for a few seconds: the server hears of them when the time is over.

import { toast } from './notices.js';

const SECS = 7;
const waiting = new Set();

/// Says `text` with an undo button. `send({keepalive})` asks the server to delete once the time is over or the page is left;
/// `onundo` puts back what was taken off the page; `onfail` is given the error of a deletion that failed.
export function later(text, { send, onundo, onfail }) {
  const deletion = {
    finish(options) {
      if (!waiting.delete(deletion)) return Promise.resolve();
      clearTimeout(timer);
      removeToast();
      return send(options).catch(onfail);
    },
  };
  const timer = setTimeout(() => deletion.finish(), SECS * 1000);
  const removeToast = toast(text, {
    action: 'Undo',
    secs: SECS,
    onaction() {
      waiting.delete(deletion);
      clearTimeout(timer);
      onundo();
    },
  });
  waiting.add(deletion);
}

/// Sends what still waits, for an action that must see it done.
export function finishAll(options) {
  return Promise.all([...waiting].map((deletion) => deletion.finish(options)));
}

// `keepalive` lets a request outlive the page that sent it.
addEventListener('pagehide', () => finishAll({ keepalive: true }));
