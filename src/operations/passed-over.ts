/** What an operator is told of records that newer code wrote, or that are damaged. */
export function passedOverLine(unreadable: number): string {
  const records = unreadable === 1 ? 'record' : 'records';
  return `${unreadable} ${records} could not be read, by this version at least: passed over`;
}
