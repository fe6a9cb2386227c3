import { describe, expect, test } from 'vitest';
import { shapeOfText, shapeOfValue, templateOf } from '../../../rig/record/placeholders.ts';
import { encode } from '../../../rig/record/recording.ts';
import { withPictures } from '../../../rig/record/simulated.ts';

const ABOUT = { secrets: ['fa-key-of-fashn'], ids: ['task-7', '42'] };

describe('of a text is kept', () => {
  test.each([
    ['IN_QUEUE', 'IN_QUEUE'],
    ['fal-ai/fashn/tryon/v1.6', 'fal-ai/fashn/tryon/v1.6'],
    ['COMPLETED_SUCCESSFULLY', 'COMPLETED_SUCCESSFULLY'],
    ['application/json; charset=utf-8', 'application/json; charset=utf-8'],
    ['Bearer fa-key-of-fashn', 'Bearer <secret>'],
    ['Could not load https://a.example/x.png?sig=1 twice', 'Could not load <url.png> twice'],
    ['https%3A%2F%2Fa.example%2Fhook', '<url>'],
    ['data:image/png;base64,iVBORw0KGgo=', '<data-uri>'],
    ['Task task-7 of ann@example.com at 2026-11-22T00:00:00Z', 'Task <id> of <email> at <time>'],
    ['8f14e45f-ceea-467f-a0e6-4b2f2a1f5c11', '<id>'],
    ['r8_Q2vX9aPz7LmT4sKd8WfE', '<id>'],
    ['called from 10.1.2.3', 'called from <address>'],
    ['A'.repeat(400), '<base64>'],
    ['A'.repeat(90_000), '<base64>'],
    ['many words '.repeat(40), '<text>'],
    ['42', '<id>'],
    ['142 credits', '142 credits'],
  ])('%s', (text, shape) => {
    expect(shapeOfText(text, ABOUT)).toBe(shape);
  });
});

test('a value keeps its fields and numbers; secrets go by their field, JSON in a string by its shape', () => {
  const value = {
    access_token: 'short',
    credits: 12,
    id: 42,
    created: 1_800_000_000,
    resultJson: '{"resultUrls":["https://a.example/b.mp4"]}',
    'https://a.example': null,
  };
  expect(shapeOfValue(value, ABOUT)).toEqual({
    access_token: '<secret>',
    credits: 12,
    id: '<number>',
    created: '<number>',
    resultJson: { '<json>': { resultUrls: ['<url.mp4>'] } },
    '<url>': null,
  });
});

test('of an address the path is kept as a template, and of its query the names', () => {
  const template = (path: string) => templateOf(`https://api.example${path}`, ABOUT, '/fashn');
  expect(template('/fashn/v1/status/task-7')).toBe('/v1/status/{id}');
  expect(template('/v2/uploads/12345/?token=x&a=1')).toBe('/v2/uploads/{id}/?a&token');
  expect(template('/v1/%E0%A4%A')).toBe('/v1/%E0%A4%A');
  expect(template('/google/nano-banana/8f14e45fceea467fa0e64b2f')).toBe('/google/nano-banana/{id}');
});

test('nothing is written that still holds a secret, an address or a run of bytes', () => {
  const recording = { provider: 'x', model: 'y', recorded: '2026-11-22', end: '', exchanges: [] };
  for (const end of ['fa-key-of-fashn', 'see https://a.example', 'A'.repeat(200)]) {
    expect(() => encode({ ...recording, end }, ABOUT)).toThrow('not written');
  }
  expect(encode({ ...recording, end: 'completed' }, ABOUT)).toContain('completed');
});

test('for the simulated provider every link of an input is a picture that it has', () => {
  const input = {
    personImage: 'https://a.example/1',
    garmentImages: ['https://b.example/2'],
    n: 1,
  };
  expect(withPictures(input, 'http://sim/assets')).toEqual({
    personImage: 'http://sim/assets/person.png',
    garmentImages: ['http://sim/assets/garment-shirt.png'],
    n: 1,
  });
});
