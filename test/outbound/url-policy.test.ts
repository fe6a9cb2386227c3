import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  checkPublicUrl,
  findUrlProblems,
  ImageUrl,
  isPublicAddress,
} from '../../src/outbound/url-policy.ts';

const live = { allowInsecure: false };
const development = { allowInsecure: true };

describe('a URL from outside', () => {
  test.each([
    'https://cdn.example.com/a.jpg?sig=1',
    'https://example.com.',
    'https://8.8.8.8/a.png',
    'https://[2606:4700::1111]/a.png',
    'https://[::ffff:8.8.8.8]/',
    'https://[64:ff9b::808:808]/',
    'HTTPS://EXAMPLE.COM:8443/x',
  ])('may be %s', (url) => {
    expect(checkPublicUrl(url, live)).toBeUndefined();
  });

  test.each([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://127.0.0.1./',
    'https://127.0.0.1../',
    'https://0177.0x0.1/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://0xa9fea9fe/',
    'https://2852039166/latest/meta-data',
    'https://%31%32%37.0.0.1/',
    'https://１２７.０.０.１/',
    'https://127。0。0。1/',
    'https://10.0.0.1:443/',
    'https://0.0.0.0/',
    'https://0/',
    'https://10.1.2.3/',
    'https://172.16.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://168.63.129.16/',
    'https://100.64.0.1/',
    'https://224.0.0.1/',
    'https://192.0.2.1/',
    'https://198.18.0.1/',
    'https://255.255.255.255/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[0:0:0:0:0:ffff:127.0.0.1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://[::10.0.0.1]/',
    'https://[2002:a00:1::]/',
    'https://[64:ff9b::a00:1]/',
    'https://[64:ff9b:1::808:808]/',
    'https://[2001::1]/',
    'https://[2001:db8::1]/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'https://[fec0::1]/',
    'https://[ff02::1]/',
    'https://[4000::1]/',
  ])('never points into a private network: %s', (url) => {
    expect(checkPublicUrl(url, live)).toBe('must not point into a private network');
    expect(checkPublicUrl(url, development)).toBeUndefined();
  });

  test.each([
    'https://localhost/',
    'https://LOCALHOST./',
    'https://localhost../',
    'https://ｌｏｃａｌｈｏｓｔ/',
    'https://local%68ost/',
    'https://a.localhost/',
    'https://printer.local/',
    'https://metadata.google.internal/',
    'https://router.home.arpa/',
    'https://intranet/',
  ])('never names a private host: %s', (url) => {
    expect(checkPublicUrl(url, live)).toBe('must name a host on the internet');
  });

  test.each([
    'http:/example.com',
    'https:\\\\example.com',
    'https://example.com\\@10.0.0.1/',
    'https://exa\tmple.com/',
    ' https://example.com/',
    'https://example.com/\u0000',
    'https:///etc/passwd',
    'ftp://example.com/a',
    'file:///etc/passwd',
    '//example.com/a.png',
    'https://[::1',
    'https://999.1.1.1/',
    'cat.png',
    '',
  ])('has to be complete and plain: %j', (url) => {
    expect(checkPublicUrl(url, development)).toBe('must be a complete https:// URL');
  });

  test('holds no credentials, even in development', () => {
    for (const url of ['https://user@example.com/', 'https://user:pass@example.com/']) {
      expect(checkPublicUrl(url, development)).toBe('must not hold a user name or password');
    }
  });

  test('is https, except in development', () => {
    expect(checkPublicUrl('http://example.com/', live)).toBe('must start with https://');
    expect(checkPublicUrl('http://localhost:3000/', development)).toBeUndefined();
  });

  test.each([
    ['a database', [1433, 3306, 5432, 8123, 9042, 27017]],
    ['a cache', [6379, 11211]],
    ['a search engine', [9200, 9300]],
    ['a message queue', [4222, 5672, 9092, 15672]],
    ['a container or cluster control plane', [2375, 2376, 6443, 10250]],
    ['a service registry', [2181, 2379, 2380, 8500]],
    ['remote access', [2222, 3389, 5900]],
    ['a service other than the web', [0, 1, 21, 22, 25, 53, 110, 465, 587, 2049, 6667, 10080]],
  ])('is never that of %s: %j', (service, ports) => {
    for (const port of ports) {
      const url = `https://cdn.example.com:${port}/a.png`;
      expect(checkPublicUrl(url, live)).toBe(
        `must not use port ${port}, which is usually that of ${service}`,
      );
      expect(checkPublicUrl(url, development)).toBeUndefined();
    }
  });

  test('may name any other port, and the usual one in any spelling', () => {
    for (const port of ['', ':443', ':0443', ':', ':80', ':3000', ':8080', ':8443', ':9000']) {
      expect(checkPublicUrl(`https://cdn.example.com${port}/a.png`, live)).toBeUndefined();
    }
    expect(checkPublicUrl('https://cdn.example.com:06379/a.png', live)).toMatch(/port 6379/);
  });

  test('has at most 2,048 characters', () => {
    const url = `https://example.com/${'a'.repeat(2_048 - 20)}`;
    expect(checkPublicUrl(url, live)).toBeUndefined();
    expect(checkPublicUrl(`${url}a`, live)).toBe('must have at most 2048 characters');
  });

  test('may not be the image itself, and the message says what to do', () => {
    const message = /upload the image somewhere/;
    expect(checkPublicUrl('data:image/png;base64,AAAA', development)).toMatch(message);
    expect(ImageUrl.safeParse(`DATA:image/png;base64,${'A'.repeat(9_999)}`).error?.message).toMatch(
      message,
    );
  });

  test('passes the schema whatever its host is, for that is a matter of settings', () => {
    expect(ImageUrl.safeParse('http://10.0.0.1/a.png').success).toBe(true);
    expect(ImageUrl.safeParse('a.png').success).toBe(false);
    expect(z.strictObject({ image: ImageUrl }).safeParse({ image: 5 }).success).toBe(false);
  });
});

describe('an input', () => {
  test('is searched for URLs at every depth, and each problem names its field', () => {
    const input = {
      personImage: 'https://example.com/a.png',
      garmentImages: ['http://example.com/g.png', 'https://10.0.0.1/g.png'],
      nested: { deep: [{ mask: 'data:image/png;base64,AA' }] },
      prompt: 'roll up the sleeves, see https://10.0.0.1/',
      seed: 5,
      none: null,
    };
    expect(findUrlProblems(input, live).map(({ field }) => field)).toEqual([
      'input.garmentImages.0',
      'input.garmentImages.1',
      'input.nested.deep.0.mask',
    ]);
  });

  test('cannot hide a URL behind odd spelling', () => {
    for (const url of ['http:10.0.0.1', '\thttps://10.0.0.1', 'gopher://x', 'https:\\\\10.0.0.1']) {
      expect(findUrlProblems({ url }, live)).toHaveLength(1);
    }
  });
});

test('what is not an IP address is not a public one', () => {
  for (const text of ['', 'example.com', '1.2.3.4.5', '[::1]']) {
    expect(isPublicAddress(text)).toBe(false);
  }
});
