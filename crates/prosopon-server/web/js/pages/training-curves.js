// How a training goes: the curves of a network, or the learners that were tried, best first. Drawn anew with each answer.

import { h } from '../dom.js';
import * as words from '../words.js';

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 400;
const HEIGHT = 170;
const LEFT = 40;
const BOTTOM = 20;

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/// Round numbers between 0 and `top`, about four of them.
function ticks(top) {
  const rough = top / 4;
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * scale).find((size) => size >= rough);
  const all = [];
  for (let at = 0; at <= top + step * 1e-6; at += step) all.push(at);
  return all;
}

/// `lines`: `{name, kind, values}`; kinds are `learnt` and `tried`.
function chart(title, lines, { top, show }) {
  const n = Math.max(...lines.map(({ values }) => values.length));
  const x = (i) => LEFT + (i * (WIDTH - LEFT - 8)) / Math.max(n - 1, 1);
  const y = (value) => HEIGHT - BOTTOM - (Math.min(value, top) / top) * (HEIGHT - BOTTOM - 8);
  const drawing = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'curves', role: 'img', 'aria-label': `${title}: ${lines.map(({ name, values }) => `${name} ${show(values.at(-1))}`).join(', ')} after ${words.count(n, 'epoch')}` });
  for (const at of ticks(top)) {
    drawing.append(svg('line', { x1: LEFT, x2: WIDTH - 8, y1: y(at), y2: y(at), class: 'curve-grid' }),
      svg('text', { x: LEFT - 6, y: y(at) + 3.5, class: 'curve-number', 'text-anchor': 'end' }, show(at)));
  }
  drawing.append(svg('text', { x: LEFT, y: HEIGHT - 5, class: 'curve-number' }, 'epoch 1'),
    svg('text', { x: WIDTH - 8, y: HEIGHT - 5, class: 'curve-number', 'text-anchor': 'end' }, n > 1 ? String(n) : ''));
  for (const { kind, values } of lines) {
    drawing.append(svg('polyline', { class: `curve curve-${kind}`, points: values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(' ') }));
    drawing.append(svg('circle', { class: `curve-end curve-${kind}`, cx: x(values.length - 1), cy: y(values.at(-1)), r: 2.6 }));
  }
  return h('figure', { class: 'curve-figure' },
    h('figcaption', {}, h('strong', {}, title), lines.map(({ name, kind }) => h('span', { class: `curve-key curve-key-${kind}` }, name))), drawing);
}

const percent = (share) => `${Math.round(share * 100)} %`;

function curves(epochs) {
  const of = (name) => epochs.map((epoch) => epoch[name]).filter((value) => value !== null);
  const both = (learnt, tried) => [{ name: 'learnt from', kind: 'learnt', values: of(learnt) }, { name: 'only tried', kind: 'tried', values: of(tried) }].filter(({ values }) => values.length > 0);
  const losses = both('loss', 'validation_loss');
  const top = Math.max(...losses.flatMap(({ values }) => values), 0.1) * 1.05;
  return h('div', { class: 'curve-pair' },
    chart('Right answers', both('accuracy', 'validation_accuracy'), { top: 1, show: percent }),
    chart('Loss', losses, { top, show: (value) => value.toFixed(value >= 10 ? 0 : 2) }));
}

function tried(cells) {
  const best = [...cells].sort((a, b) => b.mean - a.mean);
  return h('div', { class: 'table-scroll' }, h('table', { class: 'cells' },
    h('thead', {}, h('tr', {}, h('th', {}, 'Learner'), h('th', {}, 'Right answers, mean of folds'), h('th', { class: 'right' }, ''))),
    h('tbody', {}, best.map(({ name, mean, deviation }, index) => {
      const bar = h('span', { class: 'bar-fill' });
      bar.style.width = `${mean * 100}%`;
      return h('tr', { class: index === 0 ? 'best' : null }, h('td', {}, h('code', {}, name)),
        h('td', {}, h('span', { class: `similarity-bar ${index === 0 ? 'passes' : ''}`, 'aria-hidden': 'true' }, bar)),
        h('td', { class: 'right number' }, `${(mean * 100).toFixed(1)} ± ${(deviation * 100).toFixed(1)} %`));
    }))));
}

/// What there is to see of a training so far; null if there is nothing yet.
export function trainingCurves({ epochs, cells }) {
  if (epochs.length > 0) return curves(epochs);
  return cells.length > 0 ? tried(cells) : null;
}
