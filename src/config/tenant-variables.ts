import { z } from 'zod';
import { TENANT } from './limits.ts';
import { described, isExample, list, optionalText, wholeNumber } from './variables.ts';

const apiKeys = list.transform((entries, context) =>
  entries.map((entry) => {
    const [tenant = '', key = ''] = entry.split(/:(.*)/s);
    if (!TENANT.pattern.test(tenant)) {
      context.addIssue(`each entry is tenant:key; a tenant is ${TENANT.words}`);
    }
    if (key.length < 16)
      context.addIssue(`the key of tenant "${tenant}" needs 16 characters or more`);
    if (isExample(key)) context.addIssue(`the key of tenant "${tenant}" is the example's`);
    return { tenant, key };
  }),
);

/** The variables that say who may call the API, and how much. */
export const tenantVariables = {
  API_KEYS: described(apiKeys, {
    about: 'Who may call the API: `tenant:key`, comma-separated; a tenant may have several.',
    secret: true,
    example: 'my-shop:change-me-to-a-long-random-key',
  }),
  TENANTS_FILE: described(optionalText, {
    about:
      'A JSON file with tenants, their keys and limits, read again when it changes: ' +
      'docs/operating.md.',
    example: './tenants.json',
  }),
  TENANT_REQUESTS_PER_SECOND: described(z.coerce.number().min(0.01).max(100_000).default(1_000), {
    about:
      'Requests of one tenant in a second, and twice as many at once after a pause; more are answered 429.',
  }),
  TENANT_MOST_WAITING: described(wholeNumber(50_000, { min: 1, max: 10_000_000 }), {
    about:
      'With so many generations of one tenant waiting to be sent, its next request is answered 429.',
  }),
  TENANT_MOST_IN_FLIGHT: described(wholeNumber(10_000, { min: 1, max: 10_000_000 }), {
    about:
      'With so many generations of one tenant being sent or run, its next request is answered 429.',
  }),
};
