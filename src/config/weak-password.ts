const SHORTEST = 16;
const FEWEST_DIFFERENT = 8;

/**
 * Why a password must not guard anything in production, in words that follow its name; undefined
 * when nothing speaks against it. Guesses are throttled, so it need not withstand a dictionary run
 * at full speed: what is refused is what is tried first.
 */
export function weaknessOf(password: string): string | undefined {
  const length = [...password].length;
  if (length < SHORTEST) return `needs ${SHORTEST} characters or more in production`;
  if (/change-?me|catwalk-board/i.test(password)) return 'is the example’s; choose your own';
  if (new Set(password).size < FEWEST_DIFFERENT) {
    return `needs ${FEWEST_DIFFERENT} different characters or more in production`;
  }
  if (isSequence(password)) return 'is a sequence of neighbouring characters; choose a random one';
  return undefined;
}

/** `1234567890123456`, `abcdefghijklmnop`: most characters are next to the one before. */
function isSequence(password: string): boolean {
  const codes = Array.from(password, (character) => character.charCodeAt(0));
  const steps = codes.filter((code, at) => at > 0 && Math.abs(code - (codes[at - 1] ?? 0)) === 1);
  return steps.length > password.length / 2;
}
