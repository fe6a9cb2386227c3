/** What has been opened, closed in the opposite order: also after a failure half-way. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = [];
  #done: Promise<void> | undefined;

  /** What is opened when the cleaning has begun already is closed at once. */
  add(step: () => unknown): void {
    this.#steps.push(step);
    if (this.#done) void this.#runAll();
  }

  /** A second call waits for the first. A step that fails is told, and the others still run. */
  run(): Promise<void> {
    this.#done ??= this.#runAll();
    return this.#done;
  }

  async #runAll(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        process.stderr.write(`clean-up: ${String(error)}\n`);
      }
    }
  }
}
