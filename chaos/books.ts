import { z } from 'zod';

/** What the audit reads of the simulator's own books. */
const Accepted = z.object({
  taskId: z.string(),
  marker: z.string().nullable(),
  isPaid: z.boolean(),
  finalStatus: z.string().nullable(),
  webhookAttempts: z.array(z.object({ kind: z.string(), answeredStatus: z.number().nullable() })),
});
export const Books = z.record(z.string(), z.object({ accepted: z.array(Accepted) }));
export type Books = z.infer<typeof Books>;
