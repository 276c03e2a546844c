// The only place that talks to the server. Every failure leaves here as an `ApiError` in words.

/// What went wrong, as the server says it: a stable code, a message and perhaps a hint.
export class ApiError extends Error {
  constructor({ code, message, hint = null, status = 0, requestId = null, retryAfterSecs = null }) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.hint = hint;
    this.status = status;
    this.requestId = requestId;
    this.retryAfterSecs = retryAfterSecs;
  }

  /// The server is there but has no room now, or is not ready yet.
  get isBusy() {
    return this.status === 429 || this.status === 503;
  }

  get isUnreachable() {
    return this.code === 'unreachable';
  }
}

/// Dispatches `unreachable`, `reachable` and `unauthorised`.
export const signals = new EventTarget();

let reachable = true;

function setReachable(now) {
  if (reachable === now) return;
  reachable = now;
  signals.dispatchEvent(new Event(now ? 'reachable' : 'unreachable'));
}

function unreachable() {
  setReachable(false);
  return new ApiError({
    code: 'unreachable',
    message: 'the server does not answer',
    hint: 'Is `prosopon serve` still running? Start it again, then repeat what you did.',
  });
}

function address(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, value);
  }
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

function errorFrom(status, body, header) {
  let error = {};
  let requestId = header('x-request-id');
  try {
    const parsed = JSON.parse(body);
    error = parsed.error ?? {};
    requestId = parsed.request_id ?? requestId;
  } catch {
    // Not ours: something between the page and the server answered.
  }
  const retryAfter = Number.parseInt(header('retry-after') ?? '', 10);
  if (status === 401) signals.dispatchEvent(new Event('unauthorised'));
  return new ApiError({
    code: error.code ?? `status_${status}`,
    message: error.message ?? `the server answered with status ${status}`,
    hint: error.hint ?? null,
    status,
    requestId,
    retryAfterSecs: Number.isFinite(retryAfter) ? retryAfter : null,
  });
}

async function call(method, path, { query, json, body, signal, keepalive, as = 'json' } = {}) {
  const headers = {};
  if (json !== undefined) {
    headers['content-type'] = 'application/json';
    body = JSON.stringify(json);
  } else if (body instanceof Blob) {
    // The server looks at the bytes: a file's type as the browser guesses it says nothing.
    headers['content-type'] = 'application/octet-stream';
  }
  let answer;
  try {
    answer = await fetch(address(path, query), { method, headers, body, signal, keepalive, credentials: 'same-origin', cache: 'no-store' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw unreachable();
  }
  setReachable(true);
  if (!answer.ok) throw errorFrom(answer.status, await answer.text().catch(() => ''), (name) => answer.headers.get(name));
  if (answer.status === 204) return null;
  try {
    return as === 'blob' ? await answer.blob() : await answer.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw unreachable();
  }
}

/// Like `call`, for large bodies: `fetch` cannot say how much of a body has been sent.
function upload(path, body, { query, signal, onsent } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', address(path, query));
    if (body instanceof Blob) request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = (event) => onsent?.(event.loaded, event.total);
    request.onload = () => {
      setReachable(true);
      if (request.status >= 200 && request.status < 300) {
        try {
          resolve(JSON.parse(request.responseText));
        } catch {
          reject(errorFrom(request.status, '', () => null));
        }
      } else {
        reject(errorFrom(request.status, request.responseText, (name) => request.getResponseHeader(name)));
      }
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException('given up', 'AbortError'));
    if (signal?.aborted) return request.onabort();
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    request.send(body);
  });
}

function pictures(files) {
  const form = new FormData();
  for (const file of files) form.append('image', file, file.name || 'picture.jpg');
  return form;
}

const part = encodeURIComponent;
const gallery = (name) => `/v1/galleries/${part(name)}`;
const subject = (name, id) => `${gallery(name)}/subjects/${id}`;

export const session = {
  get: () => call('GET', '/v1/session'),
  signIn: (key) => call('POST', '/v1/session', { json: { key } }),
  signOut: () => call('DELETE', '/v1/session'),
};

export const ask = {
  identify: (picture, query, options) => upload('/v1/identify', picture, { query, ...options }),
  /// One frame of a video: small, so without progress.
  identifyFrame: (frame, query, signal) => call('POST', '/v1/identify', { body: frame, query, signal }),
  annotate: (picture, query, signal) => call('POST', '/v1/annotate', { body: picture, query, signal, as: 'blob' }),
  verify(probe, reference, query, options) {
    const form = new FormData();
    form.append('probe', probe, probe.name || 'probe.jpg');
    form.append('reference', reference, reference.name || 'reference.jpg');
    return upload('/v1/verify', form, { query, ...options });
  },
};

export const classic = {
  list: () => call('GET', '/v1/classic'),
  faces: (picture, query, options) => upload('/v1/classic/faces', picture, { query, ...options }),
  view: (picture, query, signal) => call('POST', '/v1/classic/view', { body: picture, query, signal, as: 'blob' }),
};

export const galleries = {
  list: () => call('GET', '/v1/galleries'),
  add: (name) => call('POST', '/v1/galleries', { json: { name } }),
  remove: (name) => call('DELETE', gallery(name), { query: { force: 'true' } }),
  enrol: (name, files, query, options) => upload(`${gallery(name)}/enrol`, pictures(files), { query, ...options }),
};

export const subjects = {
  list: (name, query, signal) => call('GET', `${gallery(name)}/subjects`, { query, signal }),
  get: (name, id) => call('GET', subject(name, id)),
  add: (name, json) => call('POST', `${gallery(name)}/subjects`, { json }),
  change: (name, id, json) => call('PATCH', subject(name, id), { json }),
  remove: (name, id, options) => call('DELETE', subject(name, id), options),
  merge: (name, id, into) => call('POST', `${subject(name, id)}/merge`, { json: { into } }),
  faces: (name, id) => call('GET', `${subject(name, id)}/faces`),
  addFaces: (name, id, files, query, options) => upload(`${subject(name, id)}/faces`, pictures(files), { query, ...options }),
};

export const faces = {
  remove: (name, id, options) => call('DELETE', `${gallery(name)}/faces/${id}`, options),
  cropAddress: (name, id) => `${gallery(name)}/faces/${id}/crop`,
};

const album = (name) => `/v1/albums/${part(name)}`;

export const albums = {
  list: () => call('GET', '/v1/albums'),
  add: (name) => call('POST', '/v1/albums', { json: { name } }),
  remove: (name) => call('DELETE', album(name)),
  addPictures: (name, files, options) => upload(`${album(name)}/pictures`, pictures(files), options),
  group: (name, json = {}) => call('POST', `${album(name)}/group`, { json }),
  groups: (name, query, signal) => call('GET', `${album(name)}/groups`, { query, signal }),
  showGroup: (name, id) => call('GET', `${album(name)}/groups/${id}`),
  decide: (name, json) => call('POST', `${album(name)}/decisions`, { json }),
  history: (name) => call('GET', `${album(name)}/decisions`),
  undo: (name) => call('POST', `${album(name)}/undo`),
  redo: (name) => call('POST', `${album(name)}/redo`),
  enrol: (name, id, gallery) => call('POST', `${album(name)}/groups/${id}/enrol`, { json: { gallery } }),
  cropAddress: (name, id) => `${album(name)}/faces/${id}/crop`,
};

export const keys = {
  list: () => call('GET', '/v1/keys'),
  add: (json) => call('POST', '/v1/keys', { json }),
  revoke: (id) => call('DELETE', `/v1/keys/${part(id)}`),
};

export const evaluations = {
  list: () => call('GET', '/v1/evaluations'),
  begin: (folder) => call('POST', '/v1/evaluations', { json: folder === undefined ? {} : { folder } }),
  get: (id, signal) => call('GET', `/v1/evaluations/${id}`, { signal }),
  /// `pictures`: `{file, name}`, the name with its folder.
  addPictures(id, some, options) {
    const form = new FormData();
    for (const { file, name } of some) form.append('image', file, name);
    return upload(`/v1/evaluations/${id}/pictures`, form, options);
  },
  finish: (id) => call('POST', `/v1/evaluations/${id}/finish`),
  remove: (id, options) => call('DELETE', `/v1/evaluations/${id}`, options),
  reportAddress: (id) => `/v1/evaluations/${id}/report`,
  address: (id) => `/v1/evaluations/${id}`,
};

const classifier = (name) => `/v1/classifiers/${part(name)}`;

export const classifiers = {
  list: () => call('GET', '/v1/classifiers'),
  promote: (name, version) => call('POST', `${classifier(name)}/promote`, { json: { version } }),
  rollBack: (name) => call('POST', `${classifier(name)}/rollback`),
  remove: (name, query) => call('DELETE', classifier(name), { query }),
  predict: (name, picture, query, options) => upload(`${classifier(name)}/predict`, picture, { query, ...options }),
  reportAddress: (name, version) => `${classifier(name)}/versions/${version}/report`,
};

export const trainings = {
  list: () => call('GET', '/v1/trainings'),
  begin: (json) => call('POST', '/v1/trainings', { json }),
  get: (id, signal) => call('GET', `/v1/trainings/${id}`, { signal }),
  /// `pictures`: `{file, name}`, the name with its folder.
  addPictures(id, some, options) {
    const form = new FormData();
    for (const { file, name } of some) form.append('image', file, name);
    return upload(`/v1/trainings/${id}/pictures`, form, options);
  },
  start: (id) => call('POST', `/v1/trainings/${id}/start`),
  remove: (id, options) => call('DELETE', `/v1/trainings/${id}`, options),
};

const camera = (id) => `/v1/cameras/${id}`;

export const cameras = {
  list: (signal) => call('GET', '/v1/cameras', { signal }),
  add: (json) => call('POST', '/v1/cameras', { json }),
  change: (id, json) => call('PATCH', camera(id), { json }),
  remove: (id) => call('DELETE', camera(id)),
  start: (id) => call('POST', `${camera(id)}/start`),
  stop: (id) => call('POST', `${camera(id)}/stop`),
  frame: (id, signal) => call('GET', `${camera(id)}/frame.jpg`, { signal, as: 'blob' }),
  previewAddress: (id) => `${camera(id)}/preview`,
};

export const events = {
  list: (query, signal) => call('GET', '/v1/events', { query, signal }),
  crop: (id) => call('GET', `/v1/events/${id}/crop`, { as: 'blob' }),
  cropAddress: (id) => `/v1/events/${id}/crop`,
  /// The browser itself comes back after an interruption, and says which event it saw last.
  stream: (query) => new EventSource(address('/v1/events/stream', query)),
};

export const live = {
  open: (json, signal) => call('POST', '/v1/live', { json, signal }),
  frame: (id, frame, signal) => call('POST', `/v1/live/${id}/frames`, { body: frame, signal }),
  challenge: (id) => call('POST', `/v1/live/${id}/challenge`),
  close: (id) => call('DELETE', `/v1/live/${id}`, { keepalive: true }),
};

export const server = {
  models: () => call('GET', '/v1/models'),
  system: () => call('GET', '/v1/system'),
  audit: (query) => call('GET', '/v1/audit', { query }),
  isLive: () => call('GET', '/health/live', { as: 'blob' }),
};
