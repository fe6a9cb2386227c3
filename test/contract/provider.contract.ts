import type { Fixture } from './fixture.ts';
import { applyRules, type Rule } from './rule.ts';
import { bearingMuch } from './rules/bearing-much.ts';
import { believing } from './rules/believing.ts';
import { bringingResults } from './rules/bringing-results.ts';
import { checkTrouble } from './rules/check-trouble.ts';
import { checking } from './rules/checking.ts';
import { configuring } from './rules/configuring.ts';
import { declaring } from './rules/declaring.ts';
import { extras } from './rules/extras.ts';
import { followingAddresses } from './rules/following-addresses.ts';
import { hearing } from './rules/hearing.ts';
import { keepingQuiet } from './rules/keeping-quiet.ts';
import { oddAnswers } from './rules/odd-answers.ts';
import { preparation } from './rules/preparing.ts';
import { readingAnswers } from './rules/reading-answers.ts';
import { refusing } from './rules/refusing.ts';
import { sendingPictures } from './rules/sending-pictures.ts';
import { submitting } from './rules/submitting.ts';
import { tellingMore } from './rules/telling-more.ts';

/** The rules for every provider, in the order of a generation's life. */
export const RULES: readonly Rule[] = [
  ...declaring,
  ...configuring,
  ...preparation,
  ...submitting,
  ...sendingPictures,
  ...refusing,
  ...checking,
  ...followingAddresses,
  ...checkTrouble,
  ...oddAnswers,
  ...bringingResults,
  ...readingAnswers,
  ...tellingMore,
  ...believing,
  ...hearing,
  ...extras,
  ...keepingQuiet,
  ...bearingMuch,
];

/**
 * The contract that every adapter keeps, against a stand-in provider on loopback that speaks as its
 * fixture says. For an adapter of your own: write a fixture with `create`, and call this in a test
 * file. What cannot apply is skipped with its reason, and the declaration behind it is checked.
 */
export function providerContract(fixture: Fixture): void {
  applyRules(`the contract of ${fixture.name}`, fixture, RULES);
}
