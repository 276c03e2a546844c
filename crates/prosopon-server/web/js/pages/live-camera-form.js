// Adding a camera, and changing one. The password has a field of its own and is never shown again.

import * as api from '../api.js';
import { openDialog } from '../dialog.js';
import { field, fill, h } from '../dom.js';
import { errorNotice, toast } from '../notices.js';
import { rates, state } from '../state.js';

const ATTRIBUTES = [
  ['eyes', 'Eyes open or closed'],
  ['pose', 'Direction of the head'],
  ['expression', 'Expression'],
  ['age', 'Age'],
  ['gender', 'Gender'],
];

/// `camera` is none for a new one; `onsaved()` runs when the server has it.
export function cameraForm({ camera, onsaved }) {
  const name = h('input', { type: 'text', required: true, maxlength: '64', autocomplete: 'off', value: camera?.name ?? '', 'data-first': true });
  const address = h('input', { type: 'text', required: !camera, maxlength: '2048', autocomplete: 'off', spellcheck: 'false', placeholder: camera?.address ?? 'rtsp://192.168.1.20:554/stream1' });
  const user = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: camera?.has_login ? 'unchanged' : '' });
  const password = h('input', { type: 'password', autocomplete: 'new-password', placeholder: camera?.has_login ? 'unchanged' : '' });
  const gallery = h('select', {}, state.galleries.map((one) => h('option', { value: one.name, selected: one.name === (camera?.gallery ?? state.gallery) }, one.name)));
  const rate = h('select', {}, h('option', { value: '', selected: !camera?.fmr }, 'As the gallery decides'),
    rates().map(({ fmr, words }) => h('option', { value: String(fmr), selected: Boolean(camera?.fmr) && Math.abs(camera.fmr - fmr) < fmr / 100 }, words)));
  const every = h('input', { type: 'number', min: '1', max: '100', step: '1', required: true, value: String(camera?.every ?? 3) });
  const cooldown = h('input', { type: 'number', min: '0', max: '86400', step: '1', required: true, value: String(camera?.cooldown_secs ?? 60) });
  const live = h('input', { type: 'checkbox', checked: camera?.require_live ?? false });
  const attributes = ATTRIBUTES.map(([value, text]) => [value, h('input', { type: 'checkbox', checked: camera?.attributes.includes(value) ?? false }), text]);
  const enabled = h('input', { type: 'checkbox', checked: camera?.enabled ?? true });
  const outcome = h('div', {});
  const save = h('button', { type: 'submit', class: 'primary' }, camera ? 'Save' : 'Add the camera');

  const close = openDialog(camera ? `Change ${camera.name}` : 'Add a camera', h('form', {
    class: 'dialog-body camera-form',
    async onsubmit(event) {
      event.preventDefault();
      save.disabled = true;
      try {
        const json = {
          name: name.value.trim(),
          gallery: gallery.value || undefined,
          fmr: rate.value ? Number(rate.value) : null,
          every: Number(every.value),
          cooldown_secs: Number(cooldown.value),
          attributes: attributes.filter(([, box]) => box.checked).map(([value]) => value),
          require_live: live.checked,
          enabled: enabled.checked,
          ...(address.value.trim() ? { address: address.value.trim() } : {}),
          ...(user.value || password.value ? { user: user.value, password: password.value } : {}),
        };
        await (camera ? api.cameras.change(camera.id, json) : api.cameras.add(json));
        close();
        toast(camera ? `${json.name} is changed.` : `${json.name} is added.`);
        await onsaved();
      } catch (error) {
        fill(outcome, errorNotice(error));
      } finally {
        save.disabled = false;
      }
    },
  },
  field('Name', name),
  field('Address', address, camera ? 'Leave it empty to keep the one that is there.' : 'rtsp://…, the address of an MJPEG stream, a device such as /dev/video0, or push: for frames that are sent to the server.'),
  h('div', { class: 'form-pair' }, field('User', user), field('Password', password)),
  h('div', { class: 'form-pair' }, field('Look for people of', gallery), field('False matches', rate)),
  h('details', {}, h('summary', {}, 'More'),
    h('div', { class: 'camera-more' },
      h('div', { class: 'form-pair' },
        field('Search each n-th frame', every, 'Faces are followed in between.'),
        field('Cooldown in seconds', cooldown, 'Whoever comes back sooner is not told about again.')),
      h('label', { class: 'check' }, live, 'Recognise live faces only'),
      h('fieldset', {}, h('legend', {}, 'Tell with events'), attributes.map(([, box, text]) => h('label', { class: 'check' }, box, text)),
        h('small', { class: 'soft' }, 'Expression, age and gender are estimates, and forbidden in some places: ask first.')))),
  h('label', { class: 'check' }, enabled, 'Watch it, also after a restart'),
  outcome,
  h('div', { class: 'buttons buttons-end' }, save)), { wide: true });
}
