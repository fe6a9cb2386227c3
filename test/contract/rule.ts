import { afterAll, describe, test } from 'vitest';
import type { Fixture } from './fixture.ts';

/**
 * One rule for every provider. `unless` says why it cannot apply to this one; what it relies on is
 * in the declaration, which has its own rules.
 */
export interface Rule {
  readonly title: string;
  readonly unless?: (fixture: Fixture) => string | false | undefined;
  readonly run: (fixture: Fixture) => void | Promise<void>;
}

/** A rule that applies to every provider. */
export function rule(title: string, run: Rule['run']): Rule {
  return { title, run };
}

/** A rule that applies unless the fixture gives a reason why it cannot. */
export function ruleUnless(unless: NonNullable<Rule['unless']>) {
  return (title: string, run: Rule['run']): Rule => ({ title, unless, run });
}

/**
 * Runs the rules against one provider. `what` names the run. Each skip has its reason in its name, and at the end.
 */
export function applyRules(what: string, fixture: Fixture, rules: readonly Rule[]): void {
  describe(what, () => {
    const skipped = new Map<string, string[]>();
    for (const { title, unless, run } of rules) {
      const reason = unless?.(fixture);
      if (reason) {
        skipped.set(reason, [...(skipped.get(reason) ?? []), title]);
        test.skip(`${title} — ${reason}`, () => {});
      } else {
        test(title, () => run(fixture));
      }
    }
    afterAll(() => {
      const count = [...skipped.values()].flat().length;
      const lines = [`${what}: ${rules.length - count} rules ran, ${count} skipped`];
      for (const [reason, titles] of skipped) lines.push(`  - ${reason}: ${titles.join('; ')}`);
      process.stdout.write(`${lines.join('\n')}\n`);
    });
  });
}
