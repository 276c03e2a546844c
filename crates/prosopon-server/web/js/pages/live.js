// Live: cameras that the server watches, what they saw, and the camera of this browser.

import { h } from '../dom.js';
import { can, state } from '../state.js';
import { liveCameras } from './live-cameras.js';
import { liveEvents } from './live-events.js';
import { liveWebcam } from './live-webcam.js';

export function livePage() {
  const parts = [];
  // Cameras belong to the server as a whole: a key for one gallery sees none.
  if (can('cameras') && !state.session.gallery) {
    const events = liveEvents();
    const cameras = liveCameras({ oncameras: events.know });
    parts.push(cameras, events);
  }
  if (can('identify')) parts.push(liveWebcam());
  const element = h('section', { class: 'page live' },
    h('div', { class: 'page-head' }, h('h1', { tabindex: '-1' }, 'Live')),
    parts.map((part) => part.element));
  const all = (what) => parts.forEach((part) => part[what]?.());
  // A window that nobody sees shows nothing: neither server nor cameras work for it.
  let isShown = false;
  document.addEventListener('visibilitychange', () => {
    if (isShown) parts.forEach((part) => part.rest?.(document.hidden));
  });
  return {
    element,
    show() {
      isShown = true;
      all('show');
    },
    hide() {
      isShown = false;
      all('hide');
    },
  };
}
