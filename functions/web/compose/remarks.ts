/** Which part of the page shows a remark of the service; the others are listed in the summary. Pure. */

export type RemarkPlace = 'lines' | 'captions' | 'summary';

const PLACES: readonly { place: RemarkPlace; isOne: RegExp }[] = [
  { place: 'lines', isOne: /built-in offline voice/ },
  { place: 'captions', isOne: /^(The times of captions|Burned captions) / },
];

export function placeOfRemark(remark: string): RemarkPlace {
  return PLACES.find(({ isOne }) => isOne.test(remark))?.place ?? 'summary';
}

/** As a sentence. */
export function sentence(remark: string): string {
  return /[.!?…]$/.test(remark) ? remark : `${remark}.`;
}
