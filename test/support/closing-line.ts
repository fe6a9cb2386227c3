import { writeSync } from 'node:fs';
import type { Reporter, TestModule, Vitest } from 'vitest/node';

/**
 * Prints `N passed, N failed` (and `, N skipped` if any) as the last line of a run, counting test
 * cases. What fails outside a test case counts as one failure each: a file that does not load, a
 * suite's hook, a rejection nobody handled; so the line never says 0 failed of a failed run.
 */
export default class ClosingLine implements Reporter {
  #line = '0 passed, 1 failed';

  onInit(vitest: Vitest): void {
    // Not before the process ends: other reporters and the global teardown still print.
    if (!vitest.config.watch) process.once('exit', () => writeSync(1, `${this.#line}\n`));
  }

  onTestRunEnd: NonNullable<Reporter['onTestRunEnd']> = (modules, unhandledErrors, reason) => {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (...states: string[]) =>
      tests.filter((test) => states.includes(test.result().state)).length;
    // A test that is still pending was cut short.
    const failed =
      count('failed', 'pending') + modules.filter(hasOwnErrors).length + unhandledErrors.length;
    const skipped = count('skipped');
    const failures = reason === 'failed' ? Math.max(failed, 1) : failed;
    this.#line = `${count('passed')} passed, ${failures} failed${skipped ? `, ${skipped} skipped` : ''}`;
  };
}

function hasOwnErrors(module: TestModule): boolean {
  const suites = [module, ...module.children.allSuites()];
  return suites.some((suite) => suite.errors().length > 0);
}
