// The camera of this machine: opening it, saying why it cannot be opened, and taking one photograph.

import { openDialog } from './dialog.js';
import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { notice } from './notices.js';

/// Slow cameras need three or four seconds.
const FIRST_PICTURE_SECS = 15;

/// Opens a camera; `width` is what is asked for, not what must come.
export async function openCamera(deviceId, width = 1280) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException('no camera access', 'NotSupportedError');
  return navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { width: { ideal: width }, ...(deviceId ? { deviceId: { exact: deviceId } } : { facingMode: 'user' }) },
  });
}

/// Waits until `video` shows the first picture of the camera that it plays. One that is open and sends none is an error.
export function firstPicture(video) {
  return new Promise((resolve, reject) => {
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return resolve();
    const timer = setTimeout(() => reject(new DOMException('no picture', 'TimeoutError')), FIRST_PICTURE_SECS * 1000);
    video.addEventListener('loadeddata', () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

export function closeCamera(stream) {
  stream?.getTracks().forEach((track) => track.stop());
}

export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === 'videoinput');
}

/// Why there is no camera, and what can be done about it.
export function cameraNotice(error) {
  switch (error.name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return notice('error', 'The camera was refused.', 'Allow it for this address in the browser’s settings (often an icon beside the address), then try again.');
    case 'NotFoundError':
    case 'OverconstrainedError':
      return notice('error', 'There is no camera on this machine.', 'Connect one, then try again.');
    case 'NotReadableError':
    case 'AbortError':
      return notice('error', 'The camera cannot be used now.', 'Another program may have it open. Close that, then try again.');
    case 'TimeoutError':
      return notice('error', 'The camera sends no picture.', 'Another program may have it open, or a switch on it is off. Then try again.');
    case 'NotSupportedError':
      return notice('error', 'The browser gives this page no camera.', 'Browsers allow cameras only to pages from the machine itself (localhost) or over HTTPS.');
    default:
      return notice('error', 'The camera does not start.', error.message);
  }
}

/// The current picture of a video as JPEG, no wider than `maxWidth`.
export function frameOf(video, { maxWidth = Infinity, quality = 0.92, canvas = document.createElement('canvas') } = {}) {
  const scale = Math.min(1, maxWidth / video.videoWidth);
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the frame cannot be read'))), 'image/jpeg', quality);
  });
}

/// Opens a dialog with the camera; `ontaken` is given the photograph.
export function photographDialog(ontaken) {
  const video = h('video', { autoplay: true, playsinline: true, muted: true, class: 'viewfinder' });
  const trouble = h('div', {}, h('p', { class: 'soft' }, 'Waiting for the camera…'));
  const shutter = h('button', { type: 'button', class: 'primary', disabled: true, 'data-first': true }, icon('camera'), 'Take the picture');
  let stream = null;
  let closed = false;

  const close = openDialog('Photograph', h('div', { class: 'dialog-body' }, video, trouble, h('div', { class: 'buttons buttons-end' }, shutter)), {
    wide: true,
    onclosed() {
      closed = true;
      closeCamera(stream);
    },
  });
  shutter.addEventListener('click', async () => {
    shutter.disabled = true;
    const blob = await frameOf(video);
    close();
    ontaken(new File([blob], 'photograph.jpg', { type: blob.type }));
  });
  const start = async () => {
    stream = await openCamera();
    if (closed) return closeCamera(stream);
    video.srcObject = stream;
    await firstPicture(video);
    fill(trouble);
    shutter.disabled = false;
    return shutter.focus();
  };
  start().catch((error) => {
    closeCamera(stream);
    video.hidden = true;
    fill(trouble, cameraNotice(error));
  });
}
