/** For stores of tests that nobody sends from: turns are given, and nobody hears of them. */
export const NO_TURNS = {
  placesAt: () => undefined,
  providers: [],
  onTurns: async () => {},
  now: Date.now,
};
