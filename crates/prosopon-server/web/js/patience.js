// Waits when the server has no room (429, 503) and asks again after as long as it says.

// A server that starts for the first time may be fetching its models all this while.
const MOST_SECS = 300;

export function sleep(secs, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException('given up', 'AbortError'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, secs * 1000);
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/// Runs `request` until it is answered; `onwait` is told each time for how long it waits and why.
/// With `evenIfGone` a server that does not answer at all is waited for too, as it may be starting again.
export async function patiently(request, { signal, onwait, evenIfGone = false } = {}) {
  for (let waited = 0; ;) {
    try {
      return await request();
    } catch (error) {
      const worthIt = error.isBusy || (evenIfGone && error.isUnreachable);
      if (!worthIt || waited >= MOST_SECS) throw error;
      const secs = Math.min(error.retryAfterSecs ?? (error.isUnreachable ? 3 : 1), 30);
      onwait?.(secs, error);
      await sleep(secs, signal);
      waited += secs;
    }
  }
}
