/** What a rule does, in words. Pure. */
import type { Rule } from './draft.ts';
import { placedRule, type UsedBlock } from './request.ts';

export interface RuleWords {
  words: string;
  /** Whether it has an effect. */
  isSent: boolean;
}

/** @param hasOthers whether other rules say what alone is made, too */
export function wordsOf(rule: Rule, used: readonly UsedBlock[], hasOthers: boolean): RuleWords {
  const placed = placedRule(rule, used);
  if (placed === undefined) {
    const isGone = Object.values(rule.clips).some((clip) => clip !== '');
    return {
      words: isGone
        ? 'A clip of this rule is gone, so the rule does nothing. Choose another one, or remove the rule.'
        : 'Choose a clip: until then, this rule does nothing.',
      isSent: false,
    };
  }
  const parts = Object.entries(placed).map(([name, number]) => {
    const clip = used.find((block) => block.name === name)?.block.clips[number - 1];
    return `“${clip?.name}” (${name})`;
  });
  const together = `${listed(parts)}${parts.length > 1 ? ' together' : ''}`;
  const words = {
    exclude: `No video has ${together}.`,
    include: `Only videos with ${together} are made${hasOthers ? ', and those of the other rules that say “only make”' : ''}.`,
  };
  return { words: words[rule.kind], isSent: true };
}

function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
