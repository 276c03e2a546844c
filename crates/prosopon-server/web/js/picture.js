// A picture that the browser can show upright, in the same coordinates as the server's answer.

import * as api from './api.js';
import { h } from './dom.js';
import { decision } from './state.js';

/// Turns a file into an `<img>` that is ready to be drawn from. Fails if the browser cannot read the format.
async function load(blob) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
  return { image, url, width: image.naturalWidth, height: image.naturalHeight, isRendition: false };
}

/// The picture to show for an answer about `blob`. Formats that the browser cannot show (or turns otherwise than
/// the server) are fetched from the server as JPEG: annotated, but with no face confident enough to be marked.
/// Says by `file` which file it shows; fails with an `AbortError` when nobody waits for it any more.
export async function pictureFor(blob, { width, height }, signal) {
  // The server can read more formats than browsers do.
  let picture = await load(blob).catch(() => null);
  if (picture && (picture.width !== width || picture.height !== height)) {
    release(picture);
    picture = null;
  }
  if (!picture) {
    const rendition = await api.ask.annotate(blob, { labels: 'none', min_confidence: 1, ...decision() }, signal);
    picture = { ...await load(rendition), isRendition: true };
  }
  if (signal.aborted) {
    release(picture);
    signal.throwIfAborted();
  }
  return { ...picture, file: blob };
}

export function release(picture) {
  if (picture) URL.revokeObjectURL(picture.url);
}

/// The square around a face, cut out of the picture; `size` in CSS pixels.
export function cropOf(picture, face, size, label) {
  const box = face.bounding_box;
  const side = Math.max(box.right - box.left, box.bottom - box.top) * 1.35;
  const left = (box.left + box.right - side) / 2;
  const top = (box.top + box.bottom - side) / 2;
  const canvas = h('canvas', { class: 'crop', role: 'img', 'aria-label': label });
  canvas.width = size * 2;
  canvas.height = size * 2;
  // The answer's pixels are the upright picture's; a rendition may be smaller.
  const scale = picture.image.naturalWidth / picture.width;
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture.image, left * scale, top * scale, side * scale, side * scale, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/// The same crop once more, without going back to the large picture.
export function copyOf(crop, label = '') {
  const canvas = h('canvas', { class: 'crop', role: 'img', 'aria-label': label });
  canvas.width = crop.width;
  canvas.height = crop.height;
  canvas.getContext('2d').drawImage(crop, 0, 0);
  return canvas;
}

export function centerOf(face) {
  const box = face.bounding_box;
  return { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
}

/// A point of the face that is on the picture: a box may reach past the border.
export function pointOn(face, { width, height }) {
  const { x, y } = centerOf(face);
  return { x: Math.min(Math.max(x, 0), width - 1), y: Math.min(Math.max(y, 0), height - 1) };
}
