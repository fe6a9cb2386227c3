import { expect, test } from 'vitest';
import { Defect, NotKnownHere } from '../../src/generation/errors.ts';
import { Generation, isFinal, publicStatus } from '../../src/generation/generation.ts';
import { decodeRecord, encodeRecord } from '../../src/store/record-format.ts';
import { RECORDS } from '../generation/fixtures.ts';

test.each(Object.values(RECORDS))('a $state record is read back as it was written', (record) => {
  expect(decodeRecord(encodeRecord(record))).toStrictEqual(record);
});

test('what the app sent along comes back unchanged, whatever it holds', () => {
  const metadata = { text: 'line\nbreak 5\n{}', deep: { list: [1, null, 'ü', 1.5] }, '': false };
  const record = { ...RECORDS.queued, metadata };
  expect(decodeRecord(encodeRecord(record))).toStrictEqual(record);
});

test('a value begins with its version alone on the first line', () => {
  const [first] = encodeRecord({ ...RECORDS.queued, version: 12 }).split('\n');
  expect(first).toBe('12');
});

test.each([
  '',
  '1',
  '{}',
  '1\n',
  '1\n{}',
  'x\n{}',
  '1\nnull',
  encodeRecord(RECORDS.queued).replace('queued', 'resting'),
  encodeRecord(RECORDS.queued).replace(/^\d+/, 'new'),
  encodeRecord(RECORDS.queued).slice(0, -1),
])('%j is a Defect and not a record', (value) => {
  expect(() => decodeRecord(value)).toThrow(Defect);
});

test('a record of a newer format is left to newer code, whatever its shape is', () => {
  const newer = encodeRecord(RECORDS.submitted).replace('{', '{"format":3,');
  expect(() => decodeRecord(newer)).toThrow(NotKnownHere);
  expect(() => decodeRecord('7\n{"format":3,"state":"resting"}')).toThrow(NotKnownHere);
  expect(decodeRecord(newer.replace('"format":3', '"format":1'))).toStrictEqual(RECORDS.submitted);
});

test('code of format 1 leaves alone what it would drop a field of, and reads everything else', () => {
  expect(encodeRecord(RECORDS.submitted)).not.toContain('"format"');
  for (const news of [{ isTest: true as const }, { charge: { amount: 0, unit: 'credits' } }]) {
    expect(encodeRecord({ ...RECORDS.submitted, ...news })).toContain('{"format":2,');
  }
});

test('the app sees queued, processing or the final state', () => {
  expect(Object.values(RECORDS).map((record) => publicStatus(record))).toEqual([
    'queued',
    'processing',
    'processing',
    'processing',
    'completed',
    'failed',
    'timed_out',
    'canceled',
  ]);
});

test('exactly four states are final', () => {
  const states = Object.values(RECORDS)
    .filter(isFinal)
    .map((record) => record.state);
  expect(states).toEqual(['completed', 'failed', 'timed_out', 'canceled']);
});

test('a field of another state does not survive reading', () => {
  expect(Generation.parse({ ...RECORDS.queued, task: { id: 'x' } })).not.toHaveProperty('task');
});
