// Our own line icons, 24 × 24, drawn with the current text colour.

const SVG = 'http://www.w3.org/2000/svg';

const PATHS = {
  picture: 'M4 5h16v14H4zM4 16l4.500-4.500 4 4L15 13l5 5M15.500 9.500h.01',
  camera: 'M4 8h3.500L9 5.500h6L16.500 8H20v11H4zM12 16.500a3.250 3.250 0 1 0 0-6.500 3.250 3.250 0 0 0 0 6.500z',
  folder: 'M3.500 6h6l2 2.500h9v10.500h-17z',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c.8-4 3.700-6 7.500-6s6.700 2 7.500 6',
  plus: 'M12 5v14M5 12h14',
  previous: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  close: 'M6 6l12 12M18 6L6 18',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  question: 'M8.500 9a3.500 3.500 0 1 1 5.200 3c-1.100.7-1.700 1.300-1.700 2.700M12 18.500h.01',
  perhaps: 'M5 10c2.300-2.600 4.700-2.600 7 0s4.700 2.600 7 0M5 16c2.300-2.600 4.700-2.600 7 0s4.700 2.600 7 0',
  warning: 'M12 4l9 16H3zM12 10v4.500M12 17.300h.01',
  bin: 'M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7M10.500 10.500v6M13.500 10.500v6',
  pencil: 'M5 19l.8-3.800L16 5l3 3L8.800 18.200zM14 7l3 3',
  merge: 'M6 4.500c0 5 6 4 6 9v6M18 4.500c0 5-6 4-6 9M9 16.500l3 3 3-3',
  copy: 'M9 9h10.500v10.500H9zM15 9V4.500H4.500V15H9',
  key: 'M8 16.500a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 12.500h8.500M17 12.500V16M20.500 12.500v2.500',
  stop: 'M7 7h10v10H7z',
  play: 'M8 5.500l10.500 6.500L8 18.500z',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600L7 7M17 17l1.400 1.400M18.400 5.600L17 7M7 17l-1.400 1.400',
  moon: 'M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z',
  half: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  leave: 'M10 4.500H5v15h5M9.500 12H20M16.500 8.500L20 12l-3.500 3.500',
  measure: 'M4 4v16h16M7.500 15.500l4-5 3 2.500 5-7',
  search: 'M10.500 16.500a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM15 15l5 5',
};

/// The icon of an outcome, so that colour alone says nothing.
export const OUTCOME_ICONS = { known: 'check', uncertain: 'perhaps', unknown: 'question' };

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
