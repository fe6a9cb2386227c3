import { createHmac } from 'node:crypto';
import express from 'express';
import { z } from 'zod';

/**
 * The receiver that a tutorial would give: the body is parsed before it is checked, inflated if it
 * is packed, a signature is compared where there is one, and nothing is limited in time.
 */

const ENV = z.object({ PORT: z.coerce.number(), SECRET: z.string() }).parse(process.env);
const status = new Map<string, unknown>();

const app = express();
app.use(express.json({ limit: '50mb', strict: false, type: () => true }));
app.get('/livez', (_request, response) => {
  response.json({});
});
app.post(['/webhooks/:provider', '/webhooks/:provider/:id/:token'], (request, response) => {
  const given = Object.entries(request.headers).find(([name]) => name.endsWith('signature'))?.[1];
  const { id, task_id, status: said } = request.body;
  const expected = createHmac('sha256', ENV.SECRET)
    .update(JSON.stringify(request.body))
    .digest('hex');
  if (given !== undefined && given !== expected) return void response.status(401).json({});
  status.set(request.params['id'] ?? task_id ?? id, said);
  response.json({});
});
app.post('/v1/generations', (request, response) => {
  const { provider, input } = request.body;
  status.set(input.personImage.split('?')[1], provider.toLowerCase());
  response.status(202).json({ id: input.personImage });
});
app.listen(ENV.PORT, '127.0.0.1');
