// Decisions in words: what was decided and why.

import * as words from './words.js';

/// What the threshold stands for.
function meaning({ fmr, fmr_supported: isSupported, calibration }) {
  if (fmr === null || fmr === undefined) return '';
  const own = calibration === 'gallery' ? ', as was measured for this gallery' : '';
  const text = ` Two different people would reach that in about ${words.rate(fmr)} comparisons${own}.`;
  return isSupported ? text : `${text} This rate is estimated: the calibration was not measured that far.`;
}

/// A similarity between the two thresholds.
function between({ similarity, threshold, uncertain_threshold: lower, uncertain_fmr: rate }) {
  const often = rate ? ` Two different people would be this close in up to ${words.rate(rate)} comparisons, so look yourself.` : '';
  return `Similarity ${words.similarity(similarity)} lies between ${words.similarity(lower)} and the threshold of ${words.similarity(threshold)}: `
    + `close, but not close enough to be sure.${often}`;
}

export function whyIdentified(identification) {
  const { outcome, similarity, threshold, candidates } = identification;
  if (outcome === 'known') {
    return `Similarity ${words.similarity(similarity)} reaches the threshold of ${words.similarity(threshold)}.${meaning(identification)}`;
  }
  if (outcome === 'uncertain') return between(identification);
  if (similarity === null) return 'Nobody is enrolled in this gallery yet, so there is nobody to compare with.';
  return `The closest person is ${candidates[0]?.subject ?? 'somebody'} with similarity ${words.similarity(similarity)}, `
    + `below the threshold of ${words.similarity(threshold)}.${meaning(identification)}`;
}

export function whyVerified(verification) {
  const { outcome, similarity, threshold } = verification;
  if (outcome === 'uncertain') return between(verification);
  const relation = outcome === 'same' ? 'reaches' : 'is below';
  return `Similarity ${words.similarity(similarity)} ${relation} the threshold of ${words.similarity(threshold)}.${meaning(verification)}`;
}

/// How likely somebody unknown is named here.
export function amongWhom({ gallery_subjects: subjects, gallery_faces: faces, fpir_estimate: fpir }) {
  if (!subjects) return 'Nobody is enrolled in this gallery yet.';
  const among = `Looked among ${words.count(subjects, 'person', 'people')} (${words.count(faces, 'face')}).`;
  if (fpir === null || fpir === undefined) return among;
  const risk = fpir >= 0.5 ? 'more often than not' : `about ${words.rate(fpir).replace('1 in', '1 time in')}`;
  return `${among} A stranger is taken for one of them ${risk}.`;
}
