/**
 * Loaded into the processes that dev and demo start: their standard input is a pipe from the
 * parent, and when it closes the parent is gone, killed or not. Then they stop too.
 */
process.stdin.resume();
process.stdin.once('end', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.unref();
