// What the page knows about the server and about the choices made here; pages read it, and are told of changes.

import * as api from './api.js';
import * as words from './words.js';

const RATES = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

const isSameRate = (a, b) => Math.abs(a - b) < a / 100;

export const state = {
  session: null,
  models: null,
  galleries: [],
  maxBodyBytes: null,
  // None: as the gallery decides.
  fmr: null,
  defaultFmr: 1e-3,
  threshold: 0.4,
  gallery: 'default',
};

/// Dispatches `choice` when the rate or the gallery is changed.
export const changes = new EventTarget();

function stored(name) {
  try {
    return localStorage.getItem(`prosopon.${name}`);
  } catch {
    return null;
  }
}

export function store(name, value) {
  try {
    if (value === null) localStorage.removeItem(`prosopon.${name}`);
    else localStorage.setItem(`prosopon.${name}`, value);
  } catch {
    // Without storage a choice lasts as long as the page.
  }
}

export const storedChoice = stored;

export async function loadSession() {
  state.session = await api.session.get();
  return state.session;
}

export const mustSignIn = () => state.session.keys_required && !state.session.signed_in;

/// May this session do what needs `scope` (`identify`, `enrol`, `cameras` or `admin`)?
export function can(scope) {
  const { keys_required: keysRequired, name, scopes } = state.session;
  if (!keysRequired && !name) return true;
  if (scopes.includes('admin') || scopes.includes(scope)) return true;
  return scope === 'identify' && scopes.includes('enrol');
}

/// Loads the models' description if it was not to be had yet: a server that has just started loads them first.
export async function loadModels() {
  state.models ??= await api.server.models();
  return state.models;
}

/// Loads what choices depend on. A key that may not see a part goes without it.
export async function loadServer() {
  const [models, galleries, system] = await Promise.allSettled([api.server.models(), api.galleries.list(), api.server.system()]);
  state.models = models.value ?? null;
  state.galleries = galleries.value?.galleries ?? system.value?.galleries ?? [];
  state.maxBodyBytes = system.value?.max_body_bytes ?? null;

  state.defaultFmr = system.value?.default_fmr ?? state.defaultFmr;
  const fmr = Number(stored('fmr'));
  state.fmr = fmr > 0 && fmr < 1 ? RATES.find((known) => isSameRate(known, fmr)) ?? fmr : null;
  state.threshold = Number(stored('threshold') ?? state.threshold);

  const names = state.galleries.map((gallery) => gallery.name);
  const standard = state.galleries.find((gallery) => gallery.is_default)?.name ?? 'default';
  const bound = state.session.gallery;
  const chosen = stored('gallery');
  if (bound) state.gallery = bound;
  else state.gallery = names.includes(chosen) ? chosen : standard;
}

export async function reloadGalleries() {
  if (!can('enrol')) return;
  state.galleries = (await api.galleries.list()).galleries;
}

/// None leaves it to the gallery.
export function chooseRate(fmr) {
  state.fmr = fmr;
  store('fmr', fmr === null ? null : String(fmr));
  changes.dispatchEvent(new Event('choice'));
}

export function chooseThreshold(threshold) {
  state.threshold = threshold;
  store('threshold', String(threshold));
  changes.dispatchEvent(new Event('choice'));
}

/// Whether error rates can be chosen: of a model that nobody has measured only thresholds are known.
export const isCalibrated = () => state.models === null || state.models.calibration.length > 0 || Boolean(usual());

/// What decides in the chosen gallery where nothing else is asked for; none if that is not known.
export const usual = () => state.galleries.find(({ name }) => name === state.gallery)?.decision ?? null;

/// What a decision is asked for with.
export function decision() {
  if (!isCalibrated()) return { threshold: state.threshold };
  return state.fmr === null ? {} : { fmr: state.fmr };
}

export function chooseGallery(name) {
  state.gallery = name;
  store('gallery', name);
  changes.dispatchEvent(new Event('choice'));
}

/// The rates to choose from, in words, and whether the calibration was measured that far.
export function rates() {
  const all = state.fmr === null || RATES.includes(state.fmr) ? RATES : [...RATES, state.fmr].sort((a, b) => b - a);
  return all.map((fmr) => {
    const entry = state.models?.calibration?.find((known) => isSameRate(known.fmr, fmr));
    return { fmr, words: words.rate(fmr), supported: entry ? entry.supported : true };
  });
}
