import type { Reporter, TestCase } from 'vitest/node';

/** Ends the output with `N passed, N failed`, which CI reads. A file that could not be loaded counts as one failure. */
export class PlainCountReporter implements Reporter {
  private passed = 0;
  private failed = 0;
  private skipped = 0;

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result();
    if (state === 'passed') this.passed += 1;
    else if (state === 'failed') this.failed += 1;
    else this.skipped += 1;
  }

  onTestRunEnd(modules: Parameters<NonNullable<Reporter['onTestRunEnd']>>[0], errors: readonly unknown[]): void {
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length;
    const failed = this.failed + broken;
    // After vitest's own summary, which is written in the same turn.
    process.on('exit', () => {
      console.log(`${this.passed} passed, ${failed} failed${this.skipped > 0 ? `, ${this.skipped} skipped` : ''}`);
    });
  }
}
