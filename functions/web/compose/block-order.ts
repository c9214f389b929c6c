/** The order of blocks whose folders have no numbers: what begins an ad is first, what ends it is last. Pure. */

/** In English, German, Spanish and French, without accents. */
const FIRST =
  /\b(hooks?|intros?|openers?|openings?|einstiege?|aufhanger|anfang|ganchos?|inicios?|aperturas?|accroches?|debuts?)\b/;
const LAST =
  /\b(ctas?|calls? to action|outros?|ends?|endings?|end ?cards?|closers?|schluss|abschluss|ende|aufrufe?|handlungsaufforderung(en)?|llamadas?|cierres?|finale?s?|appels?|fins?|conclusions?)\b/;

/** Such as `Llamada a la acción`. Stable: others keep their order. */
export function inOrderOfAds<B extends { name: string }>(blocks: readonly B[]): readonly B[] {
  return blocks.toSorted((one, other) => rankOf(one.name) - rankOf(other.name));
}

function rankOf(name: string): number {
  const plain = name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}]+/gu, ' ');
  if (FIRST.test(plain)) return 0;
  return LAST.test(plain) ? 2 : 1;
}
