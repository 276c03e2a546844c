// Numbers as people read them.

const WHOLE = new Intl.NumberFormat('en');

export const whole = (n) => WHOLE.format(n);

/// `1 face`, `2 faces`.
export function count(n, one, many = `${one}s`) {
  return `${whole(n)} ${n === 1 ? one : many}`;
}

/// A rate as people say it: `1 in 1,000`.
export function rate(value) {
  if (value >= 1) return 'every time';
  if (value <= 0) return 'never';
  const n = 1 / value;
  // 1e-3 is 1 in 1,000, and 0.0497 about 1 in 20: two figures are all that an estimate is worth.
  const scale = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return `1 in ${whole(Math.round(n / scale) * scale)}`;
}

/// Who a face is, or may be.
export function who({ outcome, subject, perhaps }) {
  if (outcome === 'known') return subject;
  return outcome === 'uncertain' ? `perhaps ${perhaps}` : 'unknown';
}

/** Three digits after the point; never `-0.000`. */
export function similarity(value) {
  if (value === null || value === undefined) return '–';
  return (Math.abs(value) < 5e-4 ? 0 : value).toFixed(3);
}

export function bytes(n) {
  if (n < 1024) return `${n} bytes`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = n / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/// `2 days 3 h`, `5 min`, `12 s`: the two largest units.
export function duration(secs) {
  const parts = [];
  let rest = Math.floor(secs);
  for (const [name, size] of [['day', 86400], ['h', 3600], ['min', 60], ['s', 1]]) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0 || (size === 1 && parts.length === 0)) {
      parts.push(name === 'day' ? count(n, 'day') : `${n} ${name}`);
    } else if (parts.length > 0) {
      break;
    }
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

export function day(millis) {
  return millis ? new Date(millis).toLocaleDateString(undefined, { year: 'numeric', month: 'short', day: 'numeric' }) : '–';
}

export function moment(millis) {
  return millis ? new Date(millis).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : 'never';
}

/// The server's messages start in lower case; as sentences on a page they do not.
export function sentence(text) {
  if (!text) return '';
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? '' : '.');
}
